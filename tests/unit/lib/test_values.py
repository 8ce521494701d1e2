"""Keys, certificates, requests, attributes and what travels with them, as values."""

import dataclasses
import ipaddress
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateError,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    KeyAlgorithm,
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


def _pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


# Private keys


@pytest.mark.parametrize(
    ("arguments", "algorithm", "size"),
    [
        pytest.param({}, KeyAlgorithm.RSA, 2048, id="default"),
        pytest.param({"key_algorithm": "ecdsa"}, KeyAlgorithm.ECDSA, 256, id="ecdsa"),
        pytest.param(
            {"key_algorithm": KeyAlgorithm.ECDSA, "key_size": 384},
            KeyAlgorithm.ECDSA,
            384,
            id="P-384",
        ),
    ],
)
def test_generate_key(arguments: dict[str, Any], algorithm: KeyAlgorithm, size: int) -> None:
    """Keys are made as asked, and are valid."""
    key = PrivateKey.generate(**arguments)
    assert (key.algorithm, key.key_size, key.is_valid()) == (algorithm, size, True)
    assert PrivateKey.from_string(key.raw) == key


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        pytest.param({"key_size": 1024}, "2048, 3072, 4096", id="weak RSA"),
        pytest.param({"key_algorithm": "ecdsa", "key_size": 2048}, "256, 384", id="ECDSA size"),
        pytest.param({"key_algorithm": "dsa"}, "'rsa', 'ecdsa'", id="algorithm"),
        pytest.param({"key_size": True}, "2048", id="no size at all"),
    ],
)
def test_generate_other_key(arguments: dict[str, Any], names: str) -> None:
    """What cannot be made is refused, and the message says what can."""
    with pytest.raises(TLSCertificatesError, match=names):
        PrivateKey.generate(**arguments)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(rsa.generate_private_key(65537, 1024), id="RSA 1024"),
        pytest.param(ec.generate_private_key(ec.SECP521R1()), id="P-521"),
    ],
)
def test_other_keys_are_held_and_not_valid(key: Any) -> None:
    """A key that is too weak, or on another curve, can be held."""
    assert not PrivateKey.from_string(_pem(key)).is_valid()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(PrivateKey, id="no key"),
        pytest.param(lambda: PrivateKey.from_string(GARBAGE), id="key"),
        pytest.param(
            lambda: PrivateKey.from_string(_pem(ed25519.Ed25519PrivateKey.generate())),
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


def test_key_is_not_shown() -> None:
    """Neither text nor representation of a key shows it, nor does an error."""
    key = keys.key()
    secret = key.raw.splitlines()[1]
    assert secret not in f"{key} {key!r}"
    with pytest.raises(TLSCertificatesError) as raised:
        PrivateKey.from_string(key.raw.replace("BEGIN", "START"))
    assert secret not in str(raised.value)
    assert raised.value.__cause__ is None


def test_keys_compare_by_value() -> None:
    """One key in two encodings is one key."""
    key = keys.key()
    again = PrivateKey.from_string(_pem(key.x509_object))
    assert again == key
    assert {again, key} == {key}
    assert keys.key("b") != key


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


def test_additional_critical_extensions() -> None:
    """Extensions asked for are critical in the request, and part of equality."""
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    attributes = A(common_name="a", additional_critical_extensions=[feature])
    csr = attributes.generate_csr(keys.key())
    assert csr.additional_critical_extensions == [feature]
    assert A.from_csr(csr, False) == attributes
    assert attributes != A(common_name="a")


# Attributes


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        pytest.param({"sans_ip": ["2001:DB8::0001"]}, {"sans_ip": ["2001:db8::1"]}, id="IPv6"),
        pytest.param({"sans_dns": ["A.Example"]}, {"sans_dns": ["a.example"]}, id="case"),
        pytest.param({"sans_dns": ["b", "a"]}, {"sans_dns": ["a", "b", "a"]}, id="order"),
        pytest.param({"sans_dns": []}, {}, id="none"),
        pytest.param({"organization": ""}, {}, id="empty"),
    ],
)
def test_attributes_are_canonical(written: dict[str, Any], canonical: dict[str, Any]) -> None:
    """Attributes that mean the same are equal, and equal to what a request says."""
    one, other = A(common_name="a", **written), A(common_name="a", **canonical)
    assert one == other
    assert hash(one) == hash(other)
    assert A.from_csr(one.generate_csr(keys.key()), False) == other


def test_unique_id_is_no_part_of_equality() -> None:
    """Two requests of the same attributes have different subjects, and are for the same."""
    attributes = A(common_name="a")
    one, other = attributes.generate_csr(keys.key()), attributes.generate_csr(keys.key())
    assert one != other
    assert A.from_csr(one, False) == A.from_csr(other, False)
    assert one.has_unique_identifier
    bare = A(common_name="a", add_unique_id_to_subject_name=False).generate_csr(keys.key())
    assert not bare.has_unique_identifier


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        pytest.param({"common_name": "x" * 65}, "65 characters", id="common name"),
        pytest.param({"common_name": "ü" * 33}, "66 bytes", id="common name in UTF-8"),
        pytest.param({"common_name": "a\x00b"}, "control character", id="control character"),
        pytest.param({"country_name": "GBR"}, "two letters", id="country"),
        pytest.param({"email_address": "josé@example.com"}, "ASCII", id="email"),
        pytest.param({"sans_ip": ["10.0.0.256"]}, "10.0.0.256", id="IP"),
        pytest.param({"sans_ip": ["fe80::1%eth0"]}, "zone", id="IP with a zone"),
        pytest.param({"sans_oid": ["x"]}, "'x'", id="OID"),
        pytest.param({"sans_dns": ["bücher.example"]}, "xn--bcher-kva.example", id="U-label"),
        pytest.param({"sans_dns": ["a..b"]}, "''", id="empty label"),
        pytest.param({"sans_dns": ["-a.example"]}, "-a", id="hyphen"),
        pytest.param({"sans_dns": ["a.*.example"]}, r'"\*"', id="wildcard inside"),
        pytest.param({"sans_dns": ["x" * 64]}, "label of over 63", id="long label"),
        pytest.param({"sans_dns": ["a." * 127 + "example"]}, "253", id="long name"),
        pytest.param({"organization": "x" * 65}, "organization", id="organization"),
        pytest.param({"common_name": "\ud800"}, "control character", id="half a surrogate pair"),
    ],
)
def test_problems(attributes: dict[str, Any], words: str) -> None:
    """What an operator typed wrong does not raise, and is said in words."""
    options: dict[str, Any] = {"common_name": "a", **attributes}
    made = A(**options)
    assert not made.is_valid()
    assert len(made.problems) == 1
    assert re.search(words, made.problems[0])
    with pytest.raises(TLSCertificatesError):
        made.generate_csr(keys.key())


def test_one_text_is_no_collection() -> None:
    """A text in the place of a list of names is the author's mistake."""
    with pytest.raises(TypeError, match="sans_dns"):
        A(sans_dns="a.example")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        pytest.param("common_name", 5, id="number"),
        pytest.param("organization", b"x", id="bytes"),
        pytest.param("sans_dns", 5, id="no collection"),
        pytest.param("sans_dns", [None], id="nothing in it"),
        pytest.param("sans_ip", [ipaddress.ip_address("10.0.0.1")], id="address"),
        pytest.param("additional_critical_extensions", ["x"], id="no extension"),
    ],
)
def test_wrong_type_names_its_argument(argument: str, value: Any) -> None:
    """What is of another type raises when it is passed, not in some later hook."""
    options: dict[str, Any] = {"common_name": "a", argument: value}
    with pytest.raises(TypeError, match=argument):
        A(**options)


def test_names_alone_are_critical() -> None:
    """Without a subject, the alternative names of a request are critical."""
    csr = A(sans_dns=["a.example"], add_unique_id_to_subject_name=False).generate_csr(keys.key())
    extension = csr.x509_object.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert extension.critical
    assert csr.additional_critical_extensions == []


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
