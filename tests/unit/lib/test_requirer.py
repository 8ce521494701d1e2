"""A requirer in mode UNIT: what it asks for, what it takes, and what it leaves."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestAttributes,
    KeyAlgorithm,
    PrivateKey,
    TLSCertificatesError,
)
from tests.unit.lib import keys
from tests.unit.lib.requirers import (
    LIBID,
    A,
    Requirer,
    certificate_entry,
    certificates,
    error_entry,
    related,
    served,
)

FAR = 2999


def test_request_is_sent() -> None:
    """A request for each of the attributes goes into the unit's databag, its key into a secret."""
    requirer = related(certificate_requests=[A(common_name="a"), A(common_name="b")])
    assert [one.common_name for one in requirer.requests()] == ["a", "b"]
    assert requirer.labels() == {"private-key-0-certificates"}
    key = PrivateKey.from_string(requirer.secret("private-key").tracked_content["private-key"])
    assert all(one.matches_private_key(key) for one in requirer.requests())


def test_second_reconcile_writes_nothing() -> None:
    """Equal requests stay as they are."""
    requirer = related()
    before = requirer.relation.local_unit_data
    requirer.update_status()
    assert requirer.relation.local_unit_data == before


def test_juju_keys_are_left() -> None:
    """What Juju keeps in a unit's databag is still there."""
    requirer = related()
    assert "ingress-address" in requirer.relation.local_unit_data


def test_certificate_is_told_and_assigned() -> None:
    """A certificate is announced, kept in a secret, and assigned with its key."""
    requirer = served()
    assert requirer.names_told() == ["certificate_available"]
    (assigned,), key = requirer.assigned()
    assert assigned.certificate.matches_private_key(key)
    secret = requirer.secret("certificate")
    assert secret.latest_content == {
        "certificate": assigned.certificate.raw,
        "csr": requirer.request.raw,
    }


def test_certificate_is_told_again() -> None:
    """Charms rely on being told in every reconcile."""
    requirer = served()
    requirer.update_status()
    assert requirer.names_told() == ["certificate_available"]


def test_denial_is_told() -> None:
    """A refusal is announced with its error."""
    requirer = related()
    requirer.receive(request_errors=[error_entry(requirer.request)])
    ((name, event),) = requirer.told
    assert name == "certificate_denied"
    assert event.error.code == 102


def test_attributes_changed() -> None:
    """A request whose attributes are no longer wanted goes, and the new one is sent."""
    requirer = served()
    requirer.options["certificate_requests"] = [A(common_name="b")]
    requirer.update_status()
    assert requirer.request.common_name == "b"
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.labels() == {"private-key-0-certificates"}


def test_invalid_attributes_are_not_sent_alone() -> None:
    """What an operator typed wrong is warned of once, and its neighbours are requested."""
    requirer = related(
        certificate_requests=[A(common_name="a", country_name="GBR"), A(common_name="b")]
    )
    assert requirer.request.common_name == "b"
    assert ["GBR" in line for line in requirer.warnings()] == [True]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"key_name": "other"}, "it is for another key", id="other key"),
        pytest.param({"is_ca": True}, "it is a CA certificate", id="a CA"),
    ],
)
def test_wrong_answer_is_not_used(change: dict[str, Any], reason: str) -> None:
    """An answer that does not fit the request is not assigned, and the log says why."""
    requirer = related()
    csr = requirer.request
    if "key_name" in change:
        answer = keys.answer(keys.csr_of(key_name=change["key_name"]))
    else:
        answer = keys.answer(csr, is_ca=True)
    entry = certificate_entry(answer, certificate_signing_request=csr.raw)
    requirer.receive(certificates=[entry])
    assert requirer.told == []
    assert requirer.assigned()[0] == []
    assert any(reason in line for line in requirer.warnings())


@pytest.mark.parametrize("is_first", [True, False], ids=["good one first", "good one last"])
@pytest.mark.parametrize("flaw", ["other key", "a CA", "expired", "revoked", "no PEM"])
def test_good_answer_beside_a_bad_one(flaw: str, is_first: bool, clock: Any) -> None:
    """Where a provider answers one request twice, the answer that can be used is, in any order."""
    requirer = related()
    csr = requirer.request
    good = certificate_entry(keys.answer(csr))
    bad = certificate_entry(
        {
            "other key": lambda: keys.answer(keys.csr_of(key_name="other")),
            "a CA": lambda: keys.answer(csr, is_ca=True),
            "expired": lambda: keys.answer(csr, timedelta(minutes=1)),
            "revoked": lambda: keys.answer(csr),
            "no PEM": lambda: keys.answer(csr),
        }[flaw](),
        certificate_signing_request=csr.raw,
        revoked=flaw == "revoked",
        **({"certificate": "x"} if flaw == "no PEM" else {}),
    )
    clock.shift(timedelta(minutes=2))
    requirer.receive(certificates=[good, bad] if is_first else [bad, good])
    assert requirer.names_told() == ["certificate_available"]
    assert [one.certificate.raw for one in requirer.assigned()[0]] == [good["certificate"]]


def test_revocation_beside_another_bad_answer() -> None:
    """An answer that is for no one does not hide that ours was revoked."""
    requirer = served()
    (before,), _ = requirer.assigned()
    other = keys.answer(keys.csr_of(key_name="other"))
    requirer.receive(
        certificates=[
            certificate_entry(other, certificate_signing_request=requirer.request.raw),
            certificate_entry(before, revoked=True),
        ]
    )
    assert requirer.names_told() == ["certificate_invalidated"]


def test_ca_certificate_wanted() -> None:
    """A CA certificate is used exactly when one was asked for."""
    requirer = related(certificate_requests=[A(common_name="a", is_ca=True)])
    requirer.receive(certificates=certificates([keys.answer(requirer.request, is_ca=True)]))
    assert requirer.names_told() == ["certificate_available"]
    databag = json.loads(requirer.relation.local_unit_data["certificate_signing_requests"])
    assert databag[0]["ca"] is True


def test_relation_broken_clears() -> None:
    """When the relation goes, so do the key and the certificates."""
    requirer = served()
    requirer.leave()
    assert requirer.labels() == set()


def test_relation_broken_leaves_the_charms_secrets() -> None:
    """Nothing that is not the library's is removed."""
    requirer = served()
    own = testing.Secret({"password": "x"}, label="own", owner="unit")
    other = testing.Secret(
        {"private-key": "x"}, label=f"{LIBID}-private-key-0-other", owner="unit"
    )
    requirer.state = dataclasses.replace(
        requirer.state, secrets={*requirer.state.secrets, own, other}
    )
    requirer.leave()
    assert requirer.labels() == {"own", "private-key-0-other"}


def test_move_to_another_provider_has_no_gap() -> None:
    """With `keep_until_replaced`, a certificate outlives its relation until the next one."""
    requirer = served(keep_until_replaced=True)
    before, old_key = requirer.assigned()
    requirer.leave()
    assert requirer.assigned() == (before, old_key)
    assert "private-key-0-certificates" not in requirer.labels()
    requirer.relate()
    assert requirer.assigned() == (before, old_key)
    requirer.answer_all()
    assert requirer.assigned()[0][0].certificate_signing_request == requirer.request
    requirer.update_status()
    # The key, the certificate, and the latter held for the next move.
    assert len(requirer.labels()) == 3


def test_kept_certificate_expires(clock: Any) -> None:
    """What outlived its relation is announced at its end, and leaves nothing."""
    requirer = served(keep_until_replaced=True)
    requirer.leave()
    requirer.update_status()
    clock.shift(timedelta(days=91))
    requirer.update_status()
    assert requirer.names_told() == ["certificate_invalidated"]
    requirer.update_status()
    assert requirer.labels() == set()


def test_key_passed_is_never_stored() -> None:
    """A key that the charm passes signs the requests and is in no secret, not even outgoing."""
    requirer = served(private_key=keys.key("passed"))
    (before,), key = requirer.assigned()
    assert key == keys.key("passed")
    requirer.call(lambda tls: tls.renew_certificate(before))
    assert requirer.assigned() == ([before], key)
    assert all(
        "PRIVATE KEY" not in text
        for one in requirer.state.secrets
        for text in one.latest_content.values()
    )


def test_stored_key_goes_when_one_is_passed() -> None:
    """When the charm passes a key, the stored one is removed, and what it made is bridged."""
    requirer = served()
    before, old_key = requirer.assigned()
    requirer.options["private_key"] = keys.key("passed")
    requirer.update_status()
    assert "private-key-0-certificates" not in requirer.labels()
    assert requirer.assigned() == (before, old_key)
    assert requirer.request.matches_private_key(keys.key("passed"))
    requirer.answer_all()
    assert requirer.assigned()[1] == keys.key("passed")


def test_import_before_the_first_key() -> None:
    """A key can be imported before there is a relation, and is used from the first request on."""
    requirer = Requirer()
    requirer.call(lambda tls: tls.import_private_key(keys.key("imported")))
    requirer.relate()
    assert requirer.request.matches_private_key(keys.key("imported"))


@pytest.mark.parametrize("method", ["regenerate_private_key", "import_private_key"])
def test_key_passed_cannot_be_changed(method: str) -> None:
    """A key that the charm passes is the charm's to change."""
    requirer = related(private_key=keys.key("passed"))
    arguments = [keys.key()] if method == "import_private_key" else []

    def change(tls: Any) -> None:
        with pytest.raises(TLSCertificatesError, match="passed by the charm"):
            getattr(tls, method)(*arguments)

    requirer.call(change)


def test_key_algorithm_and_existing_key() -> None:
    """New keys are as configured; one that exists is kept whatever the configuration says."""
    requirer = related(key_algorithm="ecdsa", key_size=384)
    requirer.options.update(key_algorithm=KeyAlgorithm.RSA, key_size=None)
    requirer.update_status()
    key = requirer.call(lambda tls: tls.private_key)
    assert (key.algorithm, key.key_size) == (KeyAlgorithm.ECDSA, 384)


def test_callable_requests() -> None:
    """Requests may depend on what the provider can do, and are resolved once a reconcile."""
    asked: list[Any] = []

    def requests(capabilities: Any) -> list[CertificateRequestAttributes]:
        asked.append(capabilities)
        wildcard = capabilities is not None and capabilities.supports_wildcard_dns
        return [A(common_name="a", sans_dns=["*.example.com"] if wildcard else ["example.com"])]

    requirer = related(certificate_requests=requests)
    assert requirer.request.sans_dns == {"example.com"}
    asked.clear()
    requirer.receive(capabilities={"supports_wildcard_dns": True})
    assert requirer.request.sans_dns == {"*.example.com"}
    assert len(asked) == 1
