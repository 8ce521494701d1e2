"""Keys, certificates, requests, attributes and what travels with them, as values."""

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateError,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
    ProviderCapabilities,
    ProviderCertificate,
    ProviderCertificateError,
    RequirerCertificateRequest,
    TLSCertificatesError,
    _issuing,
    calculate_relative_datetime,
    chain_has_valid_order,
)
from tests.unit.lib import keys

A = CertificateRequestAttributes
DAY = timedelta(days=1)
GARBAGE = "not a PEM"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(PrivateKey, id="no key"),
        pytest.param(lambda: PrivateKey.from_string(GARBAGE), id="key"),
        pytest.param(
            lambda: PrivateKey.from_string(keys.pkcs8(ed25519.Ed25519PrivateKey.generate())),
            id="key of another kind",
        ),
        pytest.param(
            lambda: PrivateKey(x509_object=cast("Any", ed25519.Ed25519PrivateKey.generate())),
            id="object of another kind",
        ),
        pytest.param(Certificate, id="no certificate"),
        pytest.param(lambda: Certificate.from_string(GARBAGE), id="certificate"),
        pytest.param(CertificateSigningRequest, id="no request"),
        pytest.param(lambda: CertificateSigningRequest.from_string(GARBAGE), id="request"),
        pytest.param(
            lambda: CertificateSigningRequest.from_string(keys.authority().raw), id="other PEM"
        ),
        pytest.param(lambda: Certificate.from_string("\ud800"), id="no Unicode text"),
        pytest.param(A, id="no name at all"),
    ],
)
def test_what_is_none_raises_both_errors(make: Callable[[], Any]) -> None:
    """Earlier versions raised ValueError, so the library's error is one, too."""
    with pytest.raises(TLSCertificatesError) as raised:
        make()
    assert isinstance(raised.value, ValueError)


# Certificates and requests


def test_constructor_fields_of_before_are_ignored() -> None:
    """Old constructor fields are accepted, and what the PEM says counts."""
    certificate = Certificate(keys.authority().raw, common_name="other", is_ca=False)
    assert (certificate.common_name, certificate.is_ca) == ("ca", True)
    csr = keys.csr_of("a")
    assert CertificateSigningRequest(csr.raw, common_name="other").common_name == "a"


def test_certificate_properties() -> None:
    """A certificate tells what it says."""
    ca = keys.authority()
    attributes = A(
        common_name="a",
        sans_dns=["a.example"],
        sans_ip=["::1"],
        sans_oid=["1.2.3.4"],
        email_address="a@example.com",
        organization="O",
        organizational_unit="OU",
        country_name="GB",
        state_or_province_name="S",
        locality_name="L",
    )
    certificate = attributes.generate_csr(keys.key()).sign(ca, keys.key("ca"), DAY)
    assert {
        name: getattr(certificate, name)
        for name in (
            "common_name",
            "sans_dns",
            "sans_ip",
            "sans_oid",
            "email_address",
            "organization",
            "organizational_unit",
            "country_name",
            "state_or_province_name",
            "locality_name",
            "is_ca",
            "issuer_common_name",
        )
    } == {
        "common_name": "a",
        "sans_dns": {"a.example"},
        "sans_ip": {"::1"},
        "sans_oid": {"1.2.3.4"},
        "email_address": "a@example.com",
        "organization": "O",
        "organizational_unit": "OU",
        "country_name": "GB",
        "state_or_province_name": "S",
        "locality_name": "L",
        "is_ca": False,
        "issuer_common_name": "ca",
    }
    assert certificate.expiry_time.tzinfo is not None
    assert certificate.expiry_time - certificate.validity_start_time >= DAY
    assert len(certificate.sha256_fingerprint) == 64
    assert certificate.serial_number == certificate.x509_object.serial_number
    assert certificate.issuer_rfc4514 == ca.subject_rfc4514
    assert certificate.matches_private_key(keys.key())
    assert not certificate.matches_private_key(keys.key("b"))


def test_certificate_round_trip() -> None:
    """A certificate is the same through its PEM, whatever its line endings."""
    ca = keys.authority()
    again = Certificate.from_string("\r\n" + ca.raw.replace("\n", "\r\n") + "\r\n")
    assert again == ca
    assert hash(again) == hash(ca)
    assert again.raw == ca.raw
    assert str(again) == ca.raw


def test_request_text_is_kept() -> None:
    """The text of a request is its correlation id: only white space around it goes."""
    raw = keys.csr_of().raw
    assert CertificateSigningRequest.from_string(f"\n{raw}\n").raw == raw


def test_request_matches() -> None:
    """A request is for one key."""
    csr = keys.csr_of()
    answer = keys.answer(csr)
    assert csr.matches_private_key(keys.key())
    assert not csr.matches_private_key(keys.rsa_key())
    assert csr.matches_certificate(answer.certificate)
    assert not csr.matches_certificate(keys.authority())
    assert CertificateSigningRequest.from_csr(csr) == csr
    assert csr.public_key_sha256 == answer.certificate.public_key_sha256


# What travels


def test_provider_certificate_to_json() -> None:
    """The published form, in JSON."""
    answer = keys.answer(keys.csr_of())
    assert json.loads(answer.to_json()) == {
        "csr": answer.certificate_signing_request.raw,
        "certificate": answer.certificate.raw,
        "ca": answer.ca.raw,
        "chain": [one.raw for one in answer.chain],
        "revoked": None,
    }


def _request_value(csr: CertificateSigningRequest) -> RequirerCertificateRequest:
    return RequirerCertificateRequest(1, csr, False)


def _error_value(csr: CertificateSigningRequest) -> ProviderCertificateError:
    return ProviderCertificateError(1, csr, CertificateError(code=1, name="n", message="m"))


def _capabilities(_: CertificateSigningRequest) -> ProviderCapabilities:
    return ProviderCapabilities(allowed_domains=["a"])


@pytest.mark.parametrize("make", [_request_value, _error_value, _capabilities])
def test_values_compare_by_value(make: Callable[[CertificateSigningRequest], Any]) -> None:
    """A value made again of the same is equal and has the same hash."""
    csr = keys.csr_of()
    one, again = make(csr), make(CertificateSigningRequest.from_string(csr.raw))
    assert one == again
    assert hash(one) == hash(again)


def test_provider_certificates_compare_by_value() -> None:
    """A certificate with its request, CA and chain is the same when it is read again."""
    one = keys.answer(keys.csr_of())
    again = dataclasses.replace(one, chain=[Certificate(each.raw) for each in one.chain])
    assert one == again
    assert hash(one) == hash(again)
    assert one != dataclasses.replace(one, revoked=True)


def _three() -> tuple[Certificate, Certificate, Certificate]:
    root_key, sub_key = keys.key("ca"), keys.key("sub")
    root = keys.authority()
    sub = (
        A(common_name="sub", is_ca=True).generate_csr(sub_key).sign(root, root_key, 9 * DAY, True)
    )
    leaf = keys.csr_of().sign(sub, sub_key, DAY)
    return leaf, sub, root


@pytest.mark.parametrize(
    ("ca", "sent"),
    [
        pytest.param("root", ["leaf", "sub", "root"], id="in order"),
        pytest.param("sub", ["root", "sub"], id="in another order"),
        pytest.param("root", ["sub", "sub"], id="without the root"),
        pytest.param("sub", [], id="no chain, and an intermediate as CA"),
    ],
)
def test_verified_chain(ca: str, sent: list[str]) -> None:
    """The chain is put in order, leaf first, and ends with the root or the CA that was sent."""
    named = dict(zip(["leaf", "sub", "root"], _three(), strict=True))
    answer = ProviderCertificate(
        1, named["leaf"], keys.csr_of(), named[ca], [named[one] for one in sent]
    )
    length = 3 if "root" in {ca, *sent} else 2
    assert answer.verified_chain() == tuple(named.values())[:length]


def test_verified_chain_names_what_is_missing() -> None:
    """A chain with a hole is an error that names the missing issuer."""
    leaf, sub, root = _three()
    answer = ProviderCertificate(1, leaf, keys.csr_of(), root, [leaf])
    with pytest.raises(TLSCertificatesError, match="CN=sub"):
        answer.verified_chain()
    unrelated = ProviderCertificate(1, leaf, keys.csr_of(), keys.authority("x"), [sub, root])
    with pytest.raises(TLSCertificatesError, match="CN=x"):
        unrelated.verified_chain()


def test_verified_chain_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that a stranger made endlessly long is not followed to its end."""
    issuers = [keys.authority("0")]
    for number in range(1, 25):
        csr = A(common_name=f"{number}").generate_csr(keys.key(f"{number}"))
        monkeypatch.setattr(_issuing, "_SUB_CA_PATH_LENGTH", None)
        issuers.append(csr.sign(issuers[-1], keys.key(f"{number - 1}"), DAY, True))
    csr = keys.csr_of()
    leaf = csr.sign(issuers[-1], keys.key("24"), DAY)
    answer = ProviderCertificate(1, leaf, csr, issuers[0], [leaf, *reversed(issuers)])
    with pytest.raises(TLSCertificatesError, match="over 20 certificates"):
        answer.verified_chain()


def test_chain_has_valid_order() -> None:
    """Each certificate is signed by the next; texts that are none are no chain."""
    texts = [one.raw for one in _three()]
    assert chain_has_valid_order(texts)
    assert chain_has_valid_order([])
    assert not chain_has_valid_order(texts[::-1])
    assert not chain_has_valid_order([GARBAGE])


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_calculate_relative_datetime(fraction: float) -> None:
    """The share of the time from now on."""
    target = datetime.now(timezone.utc) + DAY
    before = datetime.now(timezone.utc)
    found = calculate_relative_datetime(target, fraction)
    after = datetime.now(timezone.utc)
    assert before + (target - before) * fraction <= found + timedelta(microseconds=1)
    assert found <= after + (target - after) * fraction + timedelta(microseconds=1)


@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_calculate_relative_datetime_out_of_range(fraction: float) -> None:
    """No share of it."""
    with pytest.raises(TLSCertificatesError, match="fraction"):
        calculate_relative_datetime(datetime.now(timezone.utc), fraction)
