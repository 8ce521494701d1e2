"""What strangers may write into a databag: it never raises, and never harms its neighbours."""

import base64
import dataclasses
import json
import logging
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from charmlibs.interfaces.tls_certificates import (
    CertificateSigningRequest,
    ProviderCapabilities,
    TLSCertificatesError,
)
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider, requests
from tests.unit.lib.requirers import A, Requirer, certificate_entry, certificates, error_entry

DEEP = "[" * 100_000 + "]" * 100_000
BAD_ITEMS = [
    pytest.param("7", id="number"),
    pytest.param("[]", id="list"),
    pytest.param(DEEP, id="deep"),
    pytest.param('{"x": ' + DEEP + "}", id="deep field"),
    pytest.param('{"x": 1' + "0" * 10_000 + "}", id="huge number"),
    pytest.param("NaN", id="no number"),
    pytest.param('{"certificate_signing_request": "\\ud800", "csr": "\\ud800"}', id="surrogate"),
    pytest.param('{"certificate_signing_request": "a\\u0000b"}', id="NUL"),
    pytest.param("oops", id="no JSON"),
    pytest.param('{"x": "]}, [{"}', id="brackets in a text"),
]


def _with(item: str, *entries: Any) -> str:
    """Return entries as JSON, with a bad one between them."""
    texts = [json.dumps(one) for one in entries]
    return f"[{', '.join([texts[0], item, *texts[1:]])}]"


@pytest.mark.parametrize("item", BAD_ITEMS)
def test_bad_request_leaves_its_neighbours(item: str) -> None:
    """A provider offers and keeps the requests around a bad one, in the same databag."""
    csrs = [keys.csr_of("a"), keys.csr_of("b")]
    provider = Provider()
    provider.receive(_with(item, *requests(csrs)))
    assert len(provider.get("get_outstanding_certificate_requests")) == 2
    provider.set(*map(keys.answer, csrs))
    provider.update_status()
    assert len(provider.get("get_issued_certificates")) == 2


@pytest.mark.parametrize("item", BAD_ITEMS)
def test_bad_answer_leaves_its_neighbours(item: str) -> None:
    """A requirer uses the answers around a bad one, and says which was bad."""
    wanted = [A(common_name=name) for name in "abcd"]
    requirer = Requirer(certificate_requests=wanted)
    requirer.relate()
    one, two, three, four = requirer.requests()
    requirer.receive(
        certificates=_with(item, *certificates([keys.answer(one), keys.answer(two)])),
        request_errors=_with(item, error_entry(three), error_entry(four)),
    )
    assert requirer.names_told() == ["certificate_available"] * 2 + ["certificate_denied"] * 2
    said = "\n".join(requirer.warnings())
    assert "certificates[1] of the provider" in said
    assert "request_errors[1] of the provider" in said


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param([7] * 3000, id="no entries"),
        pytest.param([{"certificate_signing_request": f"x{n}"} for n in range(3000)], id="no PEM"),
    ],
)
def test_many_bad_requests_are_few_lines(bad: list[Any]) -> None:
    """However much a stranger writes, the log says of the first ones what, and of others how many.

    Each line is a process that the hook starts.
    """
    provider = Provider()
    provider.receive([*bad, *requests([keys.csr_of()])])
    assert len(provider.get("get_outstanding_certificate_requests")) == 1
    # The oldest ops that is supported tells a line twice where a charm raised in a test before.
    assert len(set(provider.warnings())) == 11
    assert "2990 more" in provider.warnings()[-1]


def test_many_bad_answers_are_few_lines() -> None:
    """A requirer, too, says of the first ones what is wrong, and of the others how many."""
    requirer = Requirer()
    requirer.relate()
    answer = certificate_entry(keys.answer(requirer.request))
    requirer.receive(certificates=[*[7] * 3000, {**answer, "chain": [7] * 3000}, answer])
    assert requirer.names_told() == ["certificate_available"]
    # The oldest ops that is supported tells a line twice where a charm raised in a test before.
    assert len(set(requirer.warnings())) == 11
    assert "2991 more" in requirer.warnings()[-1]


def test_own_request_that_stands_there_twice() -> None:
    """A request of ours that stands twice in our databag is one, and is not dropped as another."""
    requirer = Requirer()
    requirer.relate()
    request = requirer.request
    twice = json.dumps(requests([request]) * 2)
    relation = dataclasses.replace(
        requirer.relation, local_unit_data={"certificate_signing_requests": twice}
    )
    requirer.state = dataclasses.replace(requirer.state, relations={relation})
    requirer.update_status()
    assert set(requirer.requests()) == {request}


def test_refusal_that_no_text_can_hold() -> None:
    """Half a surrogate pair in a refusal, which no event could keep, does not raise."""
    requirer = Requirer()
    requirer.relate()
    error = {"code": 999, "name": "other", "message": "\ud800"}
    requirer.receive(request_errors=[error_entry(requirer.request, error=error)])
    assert requirer.names_told() == []
    assert any("request_errors[0]" in line for line in requirer.warnings())


def test_capabilities_that_no_text_can_hold() -> None:
    """Half a surrogate pair in one capability is 'not said', and the others are read."""
    requirer = Requirer()
    requirer.relate()
    requirer.receive(capabilities={"provider_type": "\ud800", "supports_ip_sans": True})
    found = requirer.call(lambda tls: tls.get_provider_capabilities())
    assert found == ProviderCapabilities(supports_ip_sans=True)


def test_malformed_issuer_is_an_unreadable_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A certificate whose issuer is no text is left out; the one beside it is used."""
    requirer = Requirer(certificate_requests=[A(common_name="a"), A(common_name="b")])
    requirer.relate()
    answers = [keys.answer(csr) for csr in requirer.requests()]
    der = bytearray(answers[0].certificate.x509_object.public_bytes(serialization.Encoding.DER))
    # The first UTF8String is the issuer's common name; no UTF-8 text begins with this byte.
    der[der.index(b"\x0c\x02ca") + 2] = 0xFF
    body = base64.encodebytes(bytes(der)).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----"
    entries = [certificate_entry(answers[0], certificate=pem), certificate_entry(answers[1])]
    requirer.receive(certificates=entries)
    assert requirer.names_told() == ["certificate_available"]
    assert sum("cannot be read" in line for line in caplog.messages) == 1


def test_capabilities_of_another_type() -> None:
    """What a charm passes as capabilities is checked when it is passed."""
    provider = Provider(provider_capabilities={"supports_ip_sans": True})
    with pytest.raises(Exception, match="ProviderCapabilities") as raised:
        provider.update_status()
    assert isinstance(raised.value.__cause__, TLSCertificatesError)


def test_log_lines_are_not_forged(caplog: pytest.LogCaptureFixture) -> None:
    """A line break in what a remote side wrote begins no line of the log, at any level."""
    caplog.set_level(logging.DEBUG)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\nFORGED")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    csr = CertificateSigningRequest.from_string(
        request.public_bytes(serialization.Encoding.PEM).decode()
    )
    entries = requests([csr])
    entries.append({"certificate_signing_request": "-----BEGIN\nFORGED", "ca": False})
    provider = Provider()
    provider.receive(entries)
    with pytest.raises(TLSCertificatesError, match="control character"):
        keys.answer(csr)
    provider.receive(json.dumps([*entries, "\nFORGED"]))
    logged = [line.message for line in provider.context.juju_log]
    assert [line for line in (*logged, *caplog.messages) if "\nFORGED" in line] == []
    assert any("is not used" in line for line in logged)
