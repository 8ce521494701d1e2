"""A requirer in mode UNIT, from its relation to renewal, rotation and revocation."""

import dataclasses
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    CertificateInvalidationReason,
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
)

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
FAR = 2999


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        keys.forget_authorities()
        yield traveller
    keys.forget_authorities()


def _related(**options: Any) -> Requirer:
    requirer = Requirer(**options)
    requirer.relate()
    return requirer


def _served(validity: timedelta = timedelta(days=90), **options: Any) -> Requirer:
    """Return a requirer with its certificates."""
    requirer = _related(**options)
    answers = [keys.answer(one, validity) for one in requirer.requests()]
    requirer.receive(certificates=certificates(answers))
    return requirer


def _answer_all(requirer: Requirer, validity: timedelta = timedelta(days=90)) -> None:
    answers = [keys.answer(one, validity) for one in requirer.requests()]
    requirer.receive(certificates=certificates(answers))


def test_request_is_sent() -> None:
    """A request for each of the attributes goes into the unit's databag, its key into a secret."""
    requirer = _related(certificate_requests=[A(common_name="a"), A(common_name="b")])
    assert [one.common_name for one in requirer.requests()] == ["a", "b"]
    assert requirer.labels() == {"private-key-0-certificates"}
    key = PrivateKey.from_string(requirer.secret("private-key").tracked_content["private-key"])
    assert all(one.matches_private_key(key) for one in requirer.requests())


def test_second_reconcile_writes_nothing() -> None:
    """Equal requests stay as they are."""
    requirer = _related()
    before = requirer.relation.local_unit_data
    requirer.update_status()
    assert requirer.relation.local_unit_data == before


def test_juju_keys_are_left() -> None:
    """What Juju keeps in a unit's databag is still there."""
    requirer = _related()
    assert "ingress-address" in requirer.relation.local_unit_data


def test_certificate_is_told_and_assigned() -> None:
    """A certificate is announced, kept in a secret, and assigned with its key."""
    requirer = _served()
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
    requirer = _served()
    requirer.update_status()
    assert requirer.names_told() == ["certificate_available"]


def test_denial_is_told() -> None:
    """A refusal is announced with its error."""
    requirer = _related()
    requirer.receive(request_errors=[error_entry(requirer.request)])
    ((name, event),) = requirer.told
    assert name == "certificate_denied"
    assert event.error.code == 102


@pytest.mark.usefixtures("clock")
def test_due_as_share_of_lifetime() -> None:
    """The secret of a certificate expires when it is due for renewal."""
    requirer = _served(timedelta(days=100))
    expiry = requirer.secret("certificate").expire
    assert expiry is not None
    assert abs(expiry - (NOW + timedelta(days=90))) < timedelta(minutes=5)


def test_renewal_has_no_gap(clock: Any) -> None:
    """What is being renewed stays assigned, with its key, until its successor is there."""
    requirer = _served()
    (before,), key = requirer.assigned()
    old = requirer.request
    clock.shift(timedelta(days=82))
    requirer.update_status()
    assert requirer.request != old
    assert requirer.assigned() == ([before], key)
    _answer_all(requirer)
    (after,), new_key = requirer.assigned()
    assert after.certificate_signing_request == requirer.request
    assert new_key == key


def test_one_renewal_at_a_time(clock: Any) -> None:
    """While a renewal waits for its answer, no hook makes another request."""
    requirer = _served()
    clock.shift(timedelta(days=82))
    requirer.update_status()
    asked = requirer.request
    requirer.update_status()
    assert requirer.request == asked


def test_renewal_leaves_nothing(clock: Any) -> None:
    """Two hooks after a renewal, there is one secret of a certificate, and nothing outgoing."""
    requirer = _served()
    clock.shift(timedelta(days=82))
    requirer.update_status()
    _answer_all(requirer)
    requirer.update_status()
    digest = requirer.request.get_sha256_hex()
    assert requirer.labels() == {
        "private-key-0-certificates",
        f"certificate-0-certificates-{digest}",
    }


def test_expired_certificate_is_renewed_and_told(clock: Any) -> None:
    """A certificate that expired unseen is renewed, announced once, and not assigned."""
    requirer = _served()
    old = requirer.request
    clock.shift(timedelta(days=100))
    requirer.update_status()
    assert requirer.request != old
    ((name, event),) = requirer.told
    assert name == "certificate_invalidated"
    assert event.reason is CertificateInvalidationReason.EXPIRED
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.told == []


def test_answer_that_expired_unseen_is_asked_for_again(clock: Any) -> None:
    """A unit that was away while its first answer came and expired asks anew, now and then."""
    requirer = Requirer()
    requirer.relate()
    missed = requirer.request
    answer = keys.answer(missed)
    clock.shift(timedelta(days=100))
    requirer.receive(certificates=certificates([answer]))
    assert requirer.request == missed, "a provider whose clock is behind is not asked in each hook"
    requirer.update_status()
    again = requirer.request
    assert again != missed
    requirer.update_status()
    assert requirer.request == again
    requirer.receive(certificates=certificates([keys.answer(again)]))
    assert requirer.names_told() == ["certificate_available"]


def test_outgoing_expires(clock: Any) -> None:
    """What waits for a successor is announced when it expires, and is not assigned any more."""
    requirer = _served()
    clock.shift(timedelta(days=82))
    requirer.update_status()
    clock.shift(timedelta(days=10))
    requirer.expire(requirer.secret("certificate"))
    assert requirer.names_told() == ["certificate_invalidated"]
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.labels() == {"private-key-0-certificates"}


def test_early_expiry_event_renews(clock: Any) -> None:
    """Juju may tell of an expiry up to a minute early: the certificate is renewed then."""
    requirer = _served(timedelta(days=100))
    old = requirer.request
    secret = requirer.secret("certificate")
    assert secret.expire is not None
    clock.move_to(secret.expire - timedelta(seconds=50))
    requirer.expire(secret)
    assert requirer.request != old


def test_much_too_early_expiry_event_does_not_renew(clock: Any) -> None:
    """An expiry event is a hint: what has more than a minute left is not renewed."""
    requirer = _served(timedelta(days=100))
    old = requirer.request
    secret = requirer.secret("certificate")
    assert secret.expire is not None
    clock.move_to(secret.expire - timedelta(seconds=70))
    requirer.expire(secret)
    assert requirer.request == old


@pytest.mark.usefixtures("clock")
def test_backdating_provider_does_not_cause_renewals() -> None:
    """A certificate of 30 s, backdated by 5 minutes, is renewed at half of what was left."""
    requirer = _related()
    with time_machine.travel(NOW - timedelta(minutes=5), tick=False):
        answer = keys.answer(requirer.request, timedelta(minutes=5, seconds=30))
    requirer.receive(certificates=certificates([answer]))
    asked = requirer.request
    for _ in range(3):
        requirer.update_status()
    assert requirer.request == asked
    assert requirer.secret("certificate").expire == NOW + timedelta(seconds=15)


def test_renewal_asked_for() -> None:
    """The charm can have a certificate renewed, and keeps it meanwhile."""
    requirer = _served()
    old = requirer.request
    (before,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before))
    assert requirer.request != old
    assert requirer.assigned()[0] == [before]


def test_renewal_of_one_leaves_the_others() -> None:
    """While one of two certificates is renewed, both are assigned, by the same key."""
    requirer = _served(certificate_requests=[A(common_name="a"), A(common_name="b")])
    before = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before[0][0]))
    assert requirer.assigned() == before


@pytest.mark.usefixtures("clock")
def test_renewal_time_is_told() -> None:
    """The charm can show when a certificate will be renewed, and None while it is replaced."""
    requirer = _served()
    (assigned,), _ = requirer.assigned()
    due = requirer.secret("certificate").expire
    assert requirer.call(lambda tls: tls.get_renewal_time(assigned)) == due
    requirer.call(lambda tls: tls.renew_certificate(assigned))
    assert requirer.call(lambda tls: tls.get_renewal_time(assigned)) is None


def test_rotation_has_no_gap() -> None:
    """After a change of the key, the old set stays assigned until every new one is there."""
    requirer = _served(certificate_requests=[A(common_name="a"), A(common_name="b")])
    before, old_key = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    first, second = requirer.requests()
    assert requirer.assigned() == (before, old_key)
    requirer.receive(certificates=certificates([keys.answer(first)]))
    assert requirer.assigned() == (before, old_key)
    requirer.receive(certificates=certificates([keys.answer(first), keys.answer(second)]))
    after, new_key = requirer.assigned()
    assert [one.certificate_signing_request for one in after] == [first, second]
    assert new_key != old_key


def test_rotation_gives_each_certificate_its_key() -> None:
    """A new certificate is given with the new key though the set is not complete yet."""
    requests = [A(common_name="a"), A(common_name="b")]
    requirer = _served(certificate_requests=requests)
    _, old_key = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    first, _ = requirer.requests()
    requirer.receive(certificates=certificates([keys.answer(first)]))
    for request in requests:
        assigned, key = requirer.call(lambda tls, one=request: tls.get_assigned_certificate(one))
        assert assigned.certificate.matches_private_key(key)
        assert (key == old_key) is (request == requests[1])


def test_rotation_forgets_the_old_key() -> None:
    """When the new certificates are there, the old key is in no secret any more."""
    requirer = _served()
    _, old_key = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    _answer_all(requirer)
    requirer.update_status()
    assert "outgoing-0-certificates" not in requirer.labels()
    assert all(old_key.raw not in one.latest_content.values() for one in requirer.state.secrets)


def test_secret_needed_again_in_the_hook_that_lets_it_go() -> None:
    """It stays the same secret: Juju makes new ones before it removes old ones, and minds labels.

    So ended a revocation that was heard of in the hook after a renewal, in an error for good.
    """
    requirer = _served()
    (first,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(first))
    _answer_all(requirer)
    before = requirer.secret("outgoing").id
    requirer.call(lambda tls: (tls.sync(), tls.regenerate_private_key()))
    assert requirer.secret("outgoing").id == before


def test_revoked_in_the_hook_after_a_renewal() -> None:
    """A new key, made as soon as the revocation is told, finds what is being replaced in place."""
    requirer = _served()
    (first,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(first))
    _answer_all(requirer)
    before, renewed = requirer.secret("outgoing").id, requirer.request
    requirer.handlers["certificate_invalidated"] = lambda tls, _: tls.regenerate_private_key()
    answer = requirer.assigned()[0][0]
    requirer.receive(certificates=[certificate_entry(answer, revoked=True)])
    assert requirer.request != renewed
    assert requirer.secret("outgoing").id == before


def test_revoked_while_it_is_being_replaced() -> None:
    """What waits for its successor goes out of use when the provider shows it as revoked."""
    requirer = _served()
    (before,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before))
    assert requirer.assigned()[0] == [before]
    # The provider has not run since: the answer to the request that has left stands there still.
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    ((name, event),) = requirer.told
    assert (name, event.reason) == (
        "certificate_invalidated",
        CertificateInvalidationReason.REVOKED,
    )
    assert requirer.assigned()[0] == []
    requirer.receive(certificates=[])
    assert requirer.told == []
    assert requirer.assigned()[0] == []


def test_private_key_is_the_new_one_during_a_rotation() -> None:
    """`private_key` is the key that requests are made with."""
    requirer = _served()
    _, old_key = requirer.assigned()
    key = requirer.call(lambda tls: (tls.regenerate_private_key(), tls.private_key)[1])
    assert key != old_key
    assert requirer.request.matches_private_key(key)


def test_revoked_is_told_once_and_not_assigned() -> None:
    """A revoked certificate is announced once; the rest is the charm's decision."""
    requirer = _served()
    (before,), _ = requirer.assigned()
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    ((name, event),) = requirer.told
    assert (name, event.reason) == (
        "certificate_invalidated",
        CertificateInvalidationReason.REVOKED,
    )
    assert event.certificate == before.certificate
    assert requirer.assigned()[0] == []
    old = requirer.request
    requirer.update_status()
    assert requirer.told == []
    assert requirer.request == old


def test_revoked_before_it_was_seen() -> None:
    """A certificate that comes revoked is announced too, and once: its request waits for a key."""
    requirer = _related()
    entry = certificate_entry(keys.answer(requirer.request), revoked=True)
    requirer.receive(certificates=[entry])
    assert [(name, event.reason) for name, event in requirer.told] == [
        ("certificate_invalidated", CertificateInvalidationReason.REVOKED)
    ]
    for _ in range(3):
        requirer.update_status()
        assert requirer.told == []


def test_issued_again_and_revoked_unseen() -> None:
    """A revoked answer ends the certificate that the charm has of the same request."""
    requirer = _served()
    (before,), _ = requirer.assigned()
    again = keys.answer(requirer.request)
    requirer.receive(certificates=[certificate_entry(again, revoked=True)])
    ((name, event),) = requirer.told
    assert (name, event.certificate) == ("certificate_invalidated", before.certificate)
    assert event.reason == CertificateInvalidationReason.REVOKED
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.told == []


def test_what_says_that_a_revocation_was_told_goes_with_its_request() -> None:
    """After a new key and the hooks that a removal takes, the old request has no secret left."""
    requirer = _related()
    entry = certificate_entry(keys.answer(requirer.request), revoked=True)
    requirer.receive(certificates=[entry])
    requirer.call(lambda tls: tls.regenerate_private_key())
    _answer_all(requirer)
    requirer.update_status()
    requirer.update_status()
    assert len(requirer.labels()) == 2


def test_revoked_and_rotated_is_requested_again() -> None:
    """After a revocation, a new key makes a new request, and nothing old is assigned."""
    requirer = _served()
    (before,), _ = requirer.assigned()
    old = requirer.request
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    requirer.call(lambda tls: tls.regenerate_private_key())
    assert requirer.request != old
    assert requirer.assigned()[0] == []
    _answer_all(requirer)
    requirer.update_status()
    assert len(requirer.assigned()[0]) == 1
    assert len(requirer.labels()) == 2


def test_attributes_changed() -> None:
    """A request whose attributes are no longer wanted goes, and the new one is sent."""
    requirer = _served()
    requirer.options["certificate_requests"] = [A(common_name="b")]
    requirer.update_status()
    assert requirer.request.common_name == "b"
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.labels() == {"private-key-0-certificates"}


def test_invalid_attributes_are_not_sent_alone() -> None:
    """What an operator typed wrong is warned of once, and its neighbours are requested."""
    requirer = _related(
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
    requirer = _related()
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
    requirer = _related()
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
    requirer = _served()
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
    requirer = _related(certificate_requests=[A(common_name="a", is_ca=True)])
    requirer.receive(certificates=certificates([keys.answer(requirer.request, is_ca=True)]))
    assert requirer.names_told() == ["certificate_available"]
    databag = json.loads(requirer.relation.local_unit_data["certificate_signing_requests"])
    assert databag[0]["ca"] is True


def test_relation_broken_clears() -> None:
    """When the relation goes, so do the key and the certificates."""
    requirer = _served()
    requirer.leave()
    assert requirer.labels() == set()


def test_relation_broken_leaves_the_charms_secrets() -> None:
    """Nothing that is not the library's is removed."""
    requirer = _served()
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
    requirer = _served(keep_until_replaced=True)
    before, old_key = requirer.assigned()
    requirer.leave()
    assert requirer.assigned() == (before, old_key)
    assert "private-key-0-certificates" not in requirer.labels()
    requirer.relate()
    assert requirer.assigned() == (before, old_key)
    _answer_all(requirer)
    assert requirer.assigned()[0][0].certificate_signing_request == requirer.request
    requirer.update_status()
    # The key, the certificate, and the latter held for the next move.
    assert len(requirer.labels()) == 3


def test_kept_certificate_expires(clock: Any) -> None:
    """What outlived its relation is announced at its end, and leaves nothing."""
    requirer = _served(keep_until_replaced=True)
    requirer.leave()
    requirer.update_status()
    clock.shift(timedelta(days=91))
    requirer.update_status()
    assert requirer.names_told() == ["certificate_invalidated"]
    requirer.update_status()
    assert requirer.labels() == set()


def test_key_passed_is_never_stored() -> None:
    """A key that the charm passes signs the requests and is in no secret, not even outgoing."""
    requirer = _served(private_key=keys.key("passed"))
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
    requirer = _served()
    before, old_key = requirer.assigned()
    requirer.options["private_key"] = keys.key("passed")
    requirer.update_status()
    assert "private-key-0-certificates" not in requirer.labels()
    assert requirer.assigned() == (before, old_key)
    assert requirer.request.matches_private_key(keys.key("passed"))
    _answer_all(requirer)
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
    requirer = _related(private_key=keys.key("passed"))
    arguments = [keys.key()] if method == "import_private_key" else []

    def change(tls: Any) -> None:
        with pytest.raises(TLSCertificatesError, match="passed by the charm"):
            getattr(tls, method)(*arguments)

    requirer.call(change)


def test_key_algorithm_and_existing_key() -> None:
    """New keys are as configured; one that exists is kept whatever the configuration says."""
    requirer = _related(key_algorithm="ecdsa", key_size=384)
    requirer.options.update(key_algorithm=KeyAlgorithm.RSA, key_size=None)
    requirer.update_status()
    key = requirer.call(lambda tls: tls.private_key)
    assert (key.algorithm, key.key_size) == (KeyAlgorithm.ECDSA, 384)


def test_handlers_may_call_back() -> None:
    """A reconcile asked for within a handler is taken up afterwards, once."""
    requirer = _served()
    requirer.handlers["certificate_available"] = lambda tls, _: tls.sync()
    requirer.update_status()
    assert requirer.names_told() == ["certificate_available", "certificate_available"]


def test_handler_may_rotate() -> None:
    """A key changed within a handler is requested with in the same hook."""
    requirer = _served()
    old = requirer.request
    requirer.handlers["certificate_available"] = lambda tls, _: tls.regenerate_private_key()
    requirer.update_status()
    assert requirer.request != old


def test_callable_requests() -> None:
    """Requests may depend on what the provider can do, and are resolved once a reconcile."""
    asked: list[Any] = []

    def requests(capabilities: Any) -> list[CertificateRequestAttributes]:
        asked.append(capabilities)
        wildcard = capabilities is not None and capabilities.supports_wildcard_dns
        return [A(common_name="a", sans_dns=["*.example.com"] if wildcard else ["example.com"])]

    requirer = _related(certificate_requests=requests)
    assert requirer.request.sans_dns == {"example.com"}
    asked.clear()
    requirer.receive(capabilities={"supports_wildcard_dns": True})
    assert requirer.request.sans_dns == {"*.example.com"}
    assert len(asked) == 1
