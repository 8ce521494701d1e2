"""A provider: what is asked of it, its answers, and what it removes by itself."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import ops
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    CertificateSigningRequest,
    ProviderCapabilities,
    ProviderCertificate,
    ProviderCertificateError,
    TLSCertificatesError,
)
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider, requests
from tests.unit.lib.requirers import certificate_entry, certificates, error_entry

GETTERS = [
    "get_certificate_requests",
    "get_outstanding_certificate_requests",
    "get_issued_certificates",
    "get_provider_certificates",
    "get_unsolicited_certificates",
    "get_provider_certificate_errors",
]


def forged() -> CertificateSigningRequest:
    """Return a request that parses, whose signature does not hold."""
    der = bytearray(keys.csr_of().x509_object.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return CertificateSigningRequest(x509_object=x509.load_der_x509_csr(bytes(der)))


def refusal(csr: CertificateSigningRequest, relation_id: int = 1) -> ProviderCertificateError:
    error = CertificateError(code=102, name="domain_not_allowed", message="No.")
    return ProviderCertificateError(relation_id, csr, error)


def _asked(*csrs: CertificateSigningRequest, **options: Any) -> Provider:
    provider = Provider(**options)
    provider.receive(requests(csrs))
    return provider


def test_requests_are_offered() -> None:
    """Requests of every unit and of the application are offered."""
    one, two, three = (keys.csr_of(name) for name in "abc")
    provider = Provider()
    provider.receive(requests([one]), requests([two]), app=requests([three], ca=True))
    found = provider.get("get_certificate_requests")
    assert [(each.certificate_signing_request, each.is_ca) for each in found] == [
        (one, False),
        (two, False),
        (three, True),
    ]
    assert found == provider.get("get_certificate_requests", 1)
    assert provider.get("get_certificate_requests", 2) == []


def test_answers_are_written() -> None:
    """A certificate is written with the request's text, its CA, and always a chain."""
    csr = keys.csr_of()
    provider = _asked(csr)
    answer = keys.answer(csr)
    provider.call(lambda tls: tls.set_relation_certificate(answer))
    assert provider.databag() == {"certificates": [certificate_entry(answer)]}
    assert provider.get("get_issued_certificates") == [answer]
    assert provider.get("get_outstanding_certificate_requests") == []


def test_empty_chain_is_no_error() -> None:
    """A provider without a chain writes an empty list."""
    csr = keys.csr_of()
    provider = _asked(csr)
    answer = keys.answer(csr)
    bare = ProviderCertificate(1, answer.certificate, csr, answer.ca, [])
    provider.set(bare)
    assert provider.databag()["certificates"][0]["chain"] == []


def test_errors_are_written_for_every_reader() -> None:
    """A refusal has the request under both of its names."""
    csr = keys.csr_of()
    provider = _asked(csr)
    provider.call(lambda tls: tls.set_relation_error(refusal(csr)))
    assert provider.databag() == {
        "request_errors": [error_entry(csr, certificate_signing_request=csr.raw)]
    }
    assert provider.get("get_provider_certificate_errors") == [refusal(csr)]


def test_one_answer_to_a_request() -> None:
    """A new answer takes the place of the one before."""
    csr = keys.csr_of()
    provider = _asked(csr)
    provider.set(keys.answer(csr))
    provider.call(lambda tls: tls.set_relation_error(refusal(csr)))
    assert set(provider.databag()) == {"request_errors"}
    provider.set(keys.answer(csr))
    assert set(provider.databag()) == {"certificates"}
    provider.set(keys.answer(csr))
    assert len(provider.databag()["certificates"]) == 1


def test_error_leaves_the_mark_of_revocation() -> None:
    """An error set over a revoked certificate does not take the mark away."""
    csr = keys.csr_of()
    provider = _asked(csr)
    provider.set(keys.answer(csr))
    provider.call(lambda tls: tls.revoke_all_certificates())
    provider.call(lambda tls: tls.set_relation_error(refusal(csr)))
    databag = provider.databag()
    assert databag["certificates"][0]["revoked"] is True
    assert len(databag["request_errors"]) == 1
    assert len(provider.get("get_outstanding_certificate_requests")) == 1


def test_revocation_of_chosen_ones() -> None:
    """Of two certificates, the chosen one is revoked."""
    one, two = keys.csr_of("a"), keys.csr_of("b")
    provider = _asked(one, two)
    answers = [keys.answer(one), keys.answer(two)]
    provider.set(*answers)
    provider.call(lambda tls: tls.revoke_certificates([answers[0]]))
    assert provider.get("get_issued_certificates") == [answers[1]]
    assert len(provider.get("get_provider_certificates")) == 2
    (outstanding,) = provider.get("get_outstanding_certificate_requests")
    assert outstanding.certificate_signing_request == one


def test_revocation_goes_by_the_certificate() -> None:
    """A certificate that is written with other line breaks is the same one, and is revoked."""
    csr = keys.csr_of()
    answer = keys.answer(csr)
    entry = certificate_entry(answer, certificate=answer.certificate.raw.replace("\n", "\r\n"))
    provider = Provider()
    provider.relate(local_app_data={"certificates": json.dumps([entry])})
    provider.receive(requests([csr]))
    provider.call(lambda tls: tls.revoke_certificates(tls.get_issued_certificates()))
    assert provider.get("get_issued_certificates") == []


def test_revoked_is_replaced_without_the_mark() -> None:
    """A new certificate for a revoked request is not revoked."""
    csr = keys.csr_of()
    provider = _asked(csr)
    provider.set(keys.answer(csr))
    provider.call(lambda tls: tls.revoke_all_certificates())
    provider.set(keys.answer(csr))
    assert "revoked" not in provider.databag()["certificates"][0]


def test_bulk_is_checked_before_anything_is_written() -> None:
    """One wrong certificate, and nothing of a bulk is written."""
    one, two = keys.csr_of("a"), keys.csr_of("b", "other")
    provider = _asked(one, two)
    good = keys.answer(one)
    wrong = ProviderCertificate(1, good.certificate, two, good.ca, good.chain)

    def set_both(tls: Any) -> None:
        with pytest.raises(TLSCertificatesError, match="not that of its request"):
            tls.set_relation_answers([good, wrong])

    provider.call(set_both)
    assert provider.databag() == {}


def test_bulk_writes_each_relation_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many answers there are, each relation is written once."""
    provider = Provider()
    answers: list[ProviderCertificate] = []
    for relation_id in (1, 2):
        csrs = [keys.csr_of(name) for name in "abc"]
        provider.receive(requests(csrs), relation_id=relation_id)
        answers += [keys.answer(csr, relation_id=relation_id) for csr in csrs]
    written: list[int] = []
    update = ops.RelationDataContent.update

    def counting(self: ops.RelationDataContent, *arguments: Any, **more: Any) -> None:
        written.append(self.relation.id)
        update(self, *arguments, **more)

    monkeypatch.setattr(ops.RelationDataContent, "update", counting)
    provider.set(*answers)
    assert written == [1, 2]


def test_unknown_relation_is_no_error() -> None:
    """An answer for a relation that is gone is logged, and the others are written."""
    csr = keys.csr_of()
    provider = _asked(csr)
    provider.set(keys.answer(csr, relation_id=7), keys.answer(csr))
    assert len(provider.databag()["certificates"]) == 1
    assert any("no relation 7" in line for line in provider.warnings())


def test_unsolicited_are_removed() -> None:
    """A certificate whose request is gone is removed, and its neighbours are left."""
    one, two = keys.csr_of("a"), keys.csr_of("b")
    provider = _asked(one, two)
    provider.set(keys.answer(one), keys.answer(two))
    provider.receive(requests([two]))
    (left,) = provider.get("get_provider_certificates")
    assert left.certificate_signing_request == two


def test_unsolicited_are_told_before_they_go() -> None:
    """Certificates that no one asks for can be seen while they are there."""
    stale = keys.answer(keys.csr_of())
    provider = Provider()
    provider.relate(local_app_data={"certificates": json.dumps(certificates([stale]))})
    assert provider.get("get_unsolicited_certificates") == [stale]
    provider.update_status()
    assert provider.databag() == {}


def test_unknown_keys_are_kept() -> None:
    """What another version wrote into an entry stays there, and so do keys of the charm."""
    csr = keys.csr_of()
    extra = certificate_entry(keys.answer(csr), recommended_expiry_notification_time=None)
    provider = Provider()
    provider.relate(local_app_data={"certificates": json.dumps([extra]), "own": '"x"'})
    provider.receive(requests([csr, keys.csr_of("b")]))
    provider.call(lambda tls: tls.revoke_all_certificates())
    databag = provider.databag()
    assert databag["own"] == "x"
    assert databag["certificates"] == [{**extra, "revoked": True}]


def test_forged_request_is_answered_once() -> None:
    """A request whose signature fails is not offered, and is answered with an error, once."""
    csr = forged()
    provider = _asked(csr, keys.csr_of())
    assert len(provider.get("get_certificate_requests")) == 1
    (entry,) = provider.databag()["request_errors"]
    assert (entry["csr"], entry["error"]["code"]) == (csr.raw, 999)
    provider.update_status()
    assert provider.writes == []


def test_unreadable_request_is_not_quoted(caplog: pytest.LogCaptureFixture) -> None:
    """A text that is no request is warned of, once, and not answered."""
    provider = Provider()
    provider.receive(
        [{"certificate_signing_request": "no PEM", "ca": False}, *requests([keys.csr_of()])]
    )
    assert provider.databag() == {}
    caplog.clear()
    assert len(provider.get("get_certificate_requests")) == 1
    assert sum("no certificate signing request" in line for line in caplog.messages) == 1


def test_other_units_write_nothing() -> None:
    """A unit that is not the leader has requests, no answers, and writes none."""
    csr = keys.csr_of()
    provider = _asked(csr, leader=False)
    assert [len(provider.get(name)) for name in GETTERS] == [1, 0, 0, 0, 0, 0]
    provider.set(keys.answer(csr))
    assert provider.databag() == {}
    provider.call(lambda tls: tls.revoke_all_certificates())
    assert provider.databag() == {}


def test_capabilities_are_published() -> None:
    """They are written by the leader, once, and cleared when they are no longer given."""
    provider = Provider(provider_capabilities=ProviderCapabilities(supports_ip_sans=True))
    provider.relate()
    provider.update_status()
    assert provider.databag() == {"capabilities": {"supports_ip_sans": True}}
    provider.update_status()
    assert provider.writes == []
    provider.options.clear()
    provider.update_status()
    assert provider.databag() == {}


def test_capabilities_change_in_a_hook() -> None:
    """What a charm learns in a hook is told in that hook; the same again is no write."""
    provider = Provider(provider_capabilities=ProviderCapabilities(supports_ip_sans=True))
    provider.relate()
    provider.update_status()
    fewer = ProviderCapabilities(supports_ip_sans=False)
    provider.call(lambda tls: tls.set_provider_capabilities(fewer))
    assert provider.databag() == {"capabilities": {"supports_ip_sans": False}}
    provider.options["provider_capabilities"] = fewer
    provider.call(lambda tls: tls.set_provider_capabilities(fewer))
    assert provider.writes == []


def test_certificate_that_cannot_be_read_is_outstanding() -> None:
    """An entry of ours that is no certificate is no answer."""
    csr = keys.csr_of()
    entry = certificate_entry(keys.answer(csr), certificate="no PEM")
    provider = Provider()
    provider.relate(local_app_data={"certificates": json.dumps([entry])})
    provider.receive(requests([csr]))
    assert len(provider.get("get_outstanding_certificate_requests")) == 1
    provider.set(keys.answer(csr, timedelta(days=1)))
    assert len(provider.get("get_issued_certificates")) == 1


def test_leaving_leader_removes_nothing() -> None:
    """To a unit that goes, the requirers seem to leave: what they hold stays."""
    csr = keys.csr_of()
    provider = _asked(csr)
    provider.set(keys.answer(csr))
    relation = provider.relation()
    # `ops.testing` names the unit that goes after the remote application: here, like this one.
    relation = dataclasses.replace(relation, remote_units_data={}, remote_app_name="ca")
    provider.state = dataclasses.replace(provider.state, relations={relation})
    event = provider.context.on.relation_departed(relation, remote_unit=0)
    provider.run(event)
    assert len(provider.databag()["certificates"]) == 1


def test_requests_name_who_asks() -> None:
    """A request tells which unit, or application, it is from."""
    provider = Provider()
    provider.receive(requests([keys.csr_of()]), app=requests([keys.csr_of("b")]))
    found = provider.get("get_certificate_requests")
    assert [one.requirer for one in found] == ["remote/0", "remote"]
