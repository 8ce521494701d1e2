"""Defects that were seen in the published library, each as a test that fails with it.

The numbers are those of the list in the documentation.
"""

import dataclasses
import json
import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import ops
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    Mode,
    TLSCertificatesError,
)
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider, requests
from tests.unit.lib.requirers import (
    LATEST,
    LIBID,
    NOW,
    A,
    Requirer,
    certificate_entry,
    certificates,
    error_entry,
    related,
    served,
)

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no PEM", id="text"),
        pytest.param("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURQ==", id="base64 of PEM"),
        pytest.param(keys.authority().raw, id="a certificate"),
    ],
)
def test_defect_01_bad_request_blocks_no_one(text: str) -> None:
    """A unit that writes no request at all does not keep the others from theirs."""
    provider = Provider()
    provider.receive(
        [{"certificate_signing_request": text, "ca": False}], requests([keys.csr_of()])
    )
    assert len(provider.get("get_outstanding_certificate_requests")) == 1


def test_defect_02_entry_without_ca_is_served() -> None:
    """A request that does not say whether it is for a CA keeps its certificate."""
    csr = keys.csr_of()
    provider = Provider()
    provider.receive(requests([csr]))
    provider.set(keys.answer(csr))
    provider.receive([{"certificate_signing_request": csr.raw}])
    assert len(provider.get("get_issued_certificates")) == 1


def test_defect_03_bad_answers_leave_the_good_ones() -> None:
    """A malformed certificate and an error of the published schema do not hide a good answer."""
    requirer = related(certificate_requests=[A(common_name="a"), A(common_name="b")])
    one, two = requirer.requests()
    bad = certificate_entry(keys.answer(two), certificate="no PEM")
    error = error_entry(two)
    error["certificate_signing_request"] = error.pop("csr")
    requirer.receive(
        certificates=[bad, certificate_entry(keys.answer(one))], request_errors=[error]
    )
    assert requirer.names_told() == ["certificate_available", "certificate_denied"]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"sans_ip": ["2001:DB8::0001"]}, id="IPv6"),
        pytest.param({"sans_dns": ["A.Example", "b"]}, id="DNS"),
        pytest.param({"sans_oid": ["1.2.03"]}, id="OID"),
        pytest.param({"common_name": "", "sans_dns": ["a"]}, id="empty text"),
    ],
)
def test_defect_04_non_canonical_name_does_not_request_again(attributes: dict[str, Any]) -> None:
    """A name in another spelling is the same name: one request, hook after hook."""
    options: dict[str, Any] = {"common_name": "a", **attributes}
    made = A(**options)
    requirer = related(certificate_requests=[made])
    before = requirer.request
    requirer.update_status()
    assert requirer.request == before


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"common_name": "x" * 65}, id="long common name"),
        pytest.param({"common_name": "a", "country_name": "GBR"}, id="country"),
    ],
)
def test_defect_05_invalid_attributes_do_not_raise(attributes: dict[str, Any]) -> None:
    """What no certificate can hold is not valid, and fails no hook."""
    assert not A(**attributes).is_valid()
    requirer = related(certificate_requests=[A(**attributes)])
    assert requirer.requests() == []


def test_defect_05_names_alone_without_unique_id() -> None:
    """Alternative names without a subject make a request."""
    csr = A(sans_dns=["a"], add_unique_id_to_subject_name=False).generate_csr(keys.key())
    assert csr.sans_dns == {"a"}


def test_defect_06_revoked_is_not_assigned_and_told() -> None:
    """A revoked certificate is not assigned any more, and the charm hears of it."""
    requirer = served()
    (before,), _ = requirer.assigned()
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    assert requirer.assigned()[0] == []
    assert requirer.names_told() == ["certificate_invalidated"]


def test_defect_07_renewal_has_no_gap(clock: Any) -> None:
    """Between a renewal's request and its answer, however long, the old one is assigned."""
    requirer = served()
    before = requirer.assigned()
    clock.shift(82 * DAY)
    for _ in range(5):
        requirer.update_status()
        clock.shift(DAY)
        assert requirer.assigned() == before


def test_defect_08_demoted_leader_does_not_lose_the_certificate(clock: Any) -> None:
    """An expiry on a unit that was demoted changes nothing; the new leader renews."""
    leader = served(mode=Mode.APP, leader=True)
    asked = leader.requests("app")
    clock.shift(82 * DAY)
    secrets = leader.labels()
    leader.state = dataclasses.replace(leader.state, leader=False)
    leader.expire(leader.secret("certificate"))
    assert leader.labels() == secrets
    leader.state = dataclasses.replace(leader.state, leader=True)
    leader.run(leader.context.on.leader_elected())
    assert leader.requests("app") != asked


def test_defect_09_safety_net_takes_expired_ones(clock: Any) -> None:
    """A certificate that has expired is renewed on `update-status`, without any alarm."""
    requirer = served()
    before = requirer.request
    clock.shift(91 * DAY)
    requirer.update_status()
    assert requirer.request != before


def test_defect_10_due_by_lifetime_not_by_what_is_left(clock: Any) -> None:
    """A certificate that is first seen at 60 % of its life is renewed at 90 % of it."""
    requirer = related()
    answer = keys.answer(requirer.request, 100 * DAY)
    clock.shift(60 * DAY)
    requirer.receive(certificates=certificates([answer]))
    expiry = requirer.secret("certificate").expire
    assert expiry is not None
    assert abs(expiry - (NOW + 90 * DAY)) < timedelta(minutes=5)


def test_defect_10_expired_one_is_not_announced(clock: Any) -> None:
    """A certificate that had expired when it came is not announced, nor due in the past."""
    requirer = related()
    answer = keys.answer(requirer.request, DAY)
    clock.shift(2 * DAY)
    requirer.receive(certificates=certificates([answer]))
    assert requirer.told == []
    expiry = requirer.secret("certificate").expire
    assert expiry is not None
    assert expiry > datetime.now(timezone.utc)


def test_defect_11_dead_remote_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relation whose other end cannot be read any more fails no hook."""
    requirer = served()

    def dead(*_: Any, **__: Any) -> Any:
        raise ops.ModelError("permission denied")

    read = ops.RelationDataContent.get

    def get(self: Any, key: str, default: Any = None) -> Any:
        return dead() if "remote" in self._entity.name else read(self, key, default)

    monkeypatch.setattr(ops.RelationDataContent, "get", get)
    requirer.update_status()
    assert requirer.assigned()[0] == []


def test_defect_11_two_relations() -> None:
    """With two relations under one name, the older one is used, and the log says so."""
    requirer = served()
    second = testing.Relation("certificates", id=2)
    requirer.state = dataclasses.replace(
        requirer.state, relations={*requirer.state.relations, second}
    )
    requirer.update_status()
    assert requirer.names_told() == ["certificate_available"]
    assert any("2 relations" in line for line in requirer.warnings())


def test_defect_11_second_relation_takes_over() -> None:
    """When the older of two relations goes, the other is asked, without a gap."""
    requirer = served()
    before = requirer.assigned()
    second = testing.Relation("certificates", id=2)
    requirer.state = dataclasses.replace(
        requirer.state, relations={*requirer.state.relations, second}
    )
    requirer.leave()
    assert len(requirer.requests()) == 1
    assert requirer.assigned() == before
    requirer.answer_all()
    assert requirer.assigned()[0][0].certificate_signing_request == requirer.request


def test_defect_12_issuer_is_the_cas_subject() -> None:
    """A leaf under an intermediate bears the intermediate's subject as issuer."""
    csr = A(common_name="sub", is_ca=True).generate_csr(keys.key("sub"))
    sub = csr.sign(keys.authority(), keys.key("ca"), 9 * DAY, True)
    leaf = keys.csr_of().sign(sub, keys.key("sub"), DAY)
    assert leaf.issuer_common_name == "sub"
    assert leaf.is_signed_by(sub)


def _forged() -> CertificateSigningRequest:
    der = bytearray(keys.csr_of().x509_object.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return CertificateSigningRequest(x509_object=x509.load_der_x509_csr(bytes(der)))


def test_defect_13_broken_signature_is_not_signed() -> None:
    """A request that proves no possession of its key is neither offered nor signed."""
    provider = Provider()
    provider.receive(requests([_forged()]))
    assert provider.get("get_outstanding_certificate_requests") == []
    with pytest.raises(TLSCertificatesError, match="signature"):
        _forged().sign(keys.authority(), keys.key("ca"), DAY)


def test_defect_14_extensions_are_not_copied_blindly() -> None:
    """A request that would sign certificates, for any usage, gets a leaf for a server."""
    usage = x509.KeyUsage(True, True, True, True, True, True, True, False, False)
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), critical=False
        )
    )
    signed = builder.sign(keys.key().x509_object, hashes.SHA256())
    csr = CertificateSigningRequest(x509_object=signed)
    leaf = csr.sign(keys.authority(), keys.key("ca"), DAY).x509_object.extensions
    assert not leaf.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    usages = leaf.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usages


def test_defect_15_leaf_does_not_outlive_its_ca(clock: Any) -> None:
    """A leaf ends with its CA at the latest, and starts a little before now."""
    attributes = A(common_name="short", is_ca=True)
    ca = Certificate.generate_self_signed_ca(attributes, keys.key("ca"), 5 * DAY)
    clock.shift(DAY)
    leaf = keys.csr_of().sign(ca, keys.key("ca"), 90 * DAY)
    assert leaf.expiry_time == ca.expiry_time
    assert leaf.validity_start_time < datetime.now(timezone.utc)
    usage = ca.x509_object.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.crl_sign


def test_defect_16_uri_names_and_bad_email() -> None:
    """URI names are kept; an e-mail address that is not ASCII is refused in words."""
    name = x509.UniformResourceIdentifier("https://a.example/x")
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
    )
    signed = builder.sign(keys.key().x509_object, hashes.SHA256())
    leaf = CertificateSigningRequest(x509_object=signed).sign(
        keys.authority(), keys.key("ca"), DAY
    )
    names = leaf.x509_object.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert list(names.value) == [name]
    assert "josé" in A(common_name="a", email_address="josé@x").problems[0]


def test_defect_17_revisions_of_the_charms_secrets_are_left() -> None:
    """The library removes old revisions of its own secrets, and of no others."""
    requirer = served()
    own = testing.Secret({"password": "x"}, label="own", owner="unit")
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, own})
    requirer.run(requirer.context.on.secret_remove(own, revision=LATEST))
    assert requirer.context.removed_secret_revisions == []
    key = requirer.secret("private-key")
    requirer.run(requirer.context.on.secret_remove(key, revision=LATEST))
    assert requirer.context.removed_secret_revisions == [LATEST]


def test_defect_18_equal_and_empty_entries() -> None:
    """A run of equal entries goes at once, and an empty chain raises nothing."""
    stale = certificate_entry(keys.answer(keys.csr_of()), chain=[])
    provider = Provider()
    provider.relate(local_app_data={"certificates": json.dumps([stale] * 4)})
    provider.update_status()
    assert provider.databag() == {}


def test_defect_19_writing_leaves_other_keys() -> None:
    """Neither side takes away what Juju or the charm keeps in a databag."""
    requirer = related()
    assert "ingress-address" in requirer.relation.local_unit_data
    provider = Provider()
    provider.relate(local_app_data={"own": "1"})
    csr = keys.csr_of()
    provider.receive(requests([csr]))
    provider.set(keys.answer(csr))
    assert set(provider.databag()) == {"own", "certificates"}


def test_defect_20_followers_do_not_read_their_application() -> None:
    """A unit that is not the leader reconciles both modes without an error."""
    follower = related(
        leader=False,
        certificate_requests=None,
        mode=Mode.APP_AND_UNIT,
        certificate_requests_by_mode={
            Mode.APP: [A(common_name="app")],
            Mode.UNIT: [A(common_name="unit")],
        },
    )
    follower.update_status()
    found = follower.call(lambda tls: tls.get_csrs_from_requirer_relation_data())
    assert len(found) == 1


def test_defect_21_import_before_the_first_key() -> None:
    """A key that is imported before there is one is kept."""
    requirer = Requirer()
    requirer.call(lambda tls: tls.import_private_key(keys.key("imported")))
    assert requirer.call(lambda tls: tls.private_key) == keys.key("imported")


def test_defect_22_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """No key and no databag is logged, at any level, whatever comes in."""
    caplog.set_level(logging.DEBUG)
    requirer = served()
    key = requirer.secret("private-key").latest_content["private-key"]
    requirer.receive(certificates='[{"certificate": "SECRETIVE", "chain": 7}]')
    assert "SECRETIVE" not in caplog.text
    assert key.splitlines()[1] not in caplog.text
    assert key.splitlines()[1] not in f"{keys.key()}"


def test_defect_23_each_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook of the provider parses each distinct text once, whatever the charm asks."""
    csrs = [keys.csr_of(str(number)) for number in range(20)]
    provider = Provider()
    provider.receive(requests(csrs))
    provider.set(*(keys.answer(csr) for csr in csrs))
    parsed: list[bytes] = []
    for name in ("load_pem_x509_csr", "load_pem_x509_certificate"):
        load = getattr(x509, name)

        def counting(pem: bytes, load: Any = load) -> Any:
            parsed.append(pem)
            return load(pem)

        monkeypatch.setattr(x509, name, counting)

    def ask_everything(tls: Any) -> None:
        for _ in range(3):
            tls.get_certificate_requests()
            tls.get_outstanding_certificate_requests()
            tls.get_provider_certificates()
            tls.get_unsolicited_certificates()

    provider.call(ask_everything)
    assert len(parsed) == len(set(parsed)) == 20 + 20 + 1


def test_defect_24_other_names_are_said() -> None:
    """A certificate for other names, or of an unrelated CA, is used and warned of."""
    requirer = related(certificate_requests=[A(common_name="a", sans_dns=["a.example"])])
    key = requirer.call(lambda tls: tls.private_key)
    other = CertificateRequestAttributes(common_name="b").generate_csr(key)
    entry = certificate_entry(
        keys.answer(other),
        certificate_signing_request=requirer.request.raw,
        ca=keys.authority("unrelated").raw,
    )
    requirer.receive(certificates=[entry])
    assert requirer.names_told() == ["certificate_available"]
    said = "\n".join(requirer.warnings())
    assert "'b'" in said
    assert "a.example" in said
    assert "CN=unrelated" in said


def _pending(requirer: Requirer) -> set[str]:
    """Return the labels of secrets whose expiry is pending, and not far away."""
    return {
        str(one.label)
        for one in requirer.state.secrets
        if one.expire is not None and one.expire.year < 2999
    }


def test_defect_40_no_secret_is_removed_with_its_expiry_pending(clock: Any) -> None:
    """Over ten renewals, no secret that a hook found pending is gone after that hook.

    Juju would go on telling of its expiry; and all the while a valid certificate is assigned.
    """
    requirer = served()
    alarms = 0
    for _ in range(10):
        secret = next(
            one for one in requirer.state.secrets if str(one.label) in _pending(requirer)
        )
        assert secret.expire is not None
        clock.move_to(secret.expire)
        for step in (
            lambda one=secret: requirer.expire(one),
            requirer.answer_all,
            requirer.update_status,
        ):
            pending = _pending(requirer)
            step()
            assert {label.removeprefix(f"{LIBID}-") for label in pending} <= requirer.labels()
            (assigned,), key = requirer.assigned()
            assert assigned.certificate.matches_private_key(key)
            assert assigned.certificate.is_valid_at(datetime.now(timezone.utc))
        alarms += 1
        assert len(requirer.labels()) == 2
    assert alarms == 10


def test_defect_40_event_of_a_secret_that_is_gone_costs_nothing() -> None:
    """Juju goes on telling of secrets that were removed, with an empty label."""
    requirer = served()
    gone = testing.Secret({"certificate": "x"}, owner="unit")
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, gone})
    before = requirer.request
    requirer.expire(gone)
    assert requirer.request == before
    assert requirer.told == []


def test_defect_40_event_of_the_charms_own_secret_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a secret that is none of the library's, not even a databag is read."""
    requirer = served()
    own = testing.Secret({"password": "x"}, label="password", owner="unit")
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, own})
    read: list[str] = []

    def get(_: Any, key: str, __: Any = None) -> None:
        read.append(key)

    monkeypatch.setattr(ops.RelationDataContent, "get", get)
    requirer.expire(own)
    assert read == []


def test_defect_41_what_v3_left_is_removed() -> None:
    """The secret that v3 made for its certificate goes, in two hooks."""
    csr = keys.csr_of()
    answer = keys.answer(csr)
    content = {"certificate": answer.certificate.raw, "csr": csr.raw}
    v3 = testing.Secret(
        content, label=f"{LIBID}-{csr.get_sha256_hex()}", owner="unit", expire=NOW + 900 * DAY
    )
    requirer = Requirer(private_key=keys.key())
    requirer.state = dataclasses.replace(requirer.state, secrets={v3})
    requirer.relate(
        local_unit_data={"certificate_signing_requests": json.dumps(requests([csr]))},
        remote_app_data={"certificates": json.dumps(certificates([answer]))},
    )
    assert str(v3.label).removeprefix(f"{LIBID}-") in requirer.labels()
    requirer.update_status()
    assert requirer.labels() == {f"certificate-0-certificates-{csr.get_sha256_hex()}"}


def test_defect_42_new_content_gets_its_own_expiry(clock: Any) -> None:
    """A certificate issued again for the same request has a due of its own; the old one's is
    no reason to renew.
    """
    requirer = served()
    asked = requirer.request
    old = requirer.secret("certificate")
    clock.shift(50 * DAY)
    keys.forget_authorities()
    requirer.answer_all(ca="new")
    new = requirer.secret("certificate")
    assert old.expire is not None
    assert new.expire is not None
    assert new.expire > old.expire + 49 * DAY
    clock.move_to(old.expire)
    requirer.run(requirer.context.on.secret_expired(new, revision=1))
    assert requirer.request == asked
    assert requirer.context.removed_secret_revisions == [1]


@pytest.mark.parametrize("change", ["renewal", "rotation", "new CA"])
def test_defect_43_never_without_a_certificate(clock: Any, change: str) -> None:
    """A renewal, a new key or a new CA: after every hook a valid certificate is assigned."""
    requirer = served()

    def is_served() -> bool:
        assigned, key = requirer.assigned()
        return [one.certificate.matches_private_key(key) for one in assigned] == [True]

    if change == "renewal":
        clock.shift(82 * DAY)
        requirer.update_status()
    elif change == "rotation":
        requirer.call(lambda tls: tls.regenerate_private_key())
    assert is_served()
    requirer.update_status()
    assert is_served()
    requirer.answer_all(ca="new" if change == "new CA" else "ca")
    assert is_served()
    requirer.update_status()
    assert is_served()
