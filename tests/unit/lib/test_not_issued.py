"""What is signed for no one: requests, CAs and arguments refused, each with its reason."""

import ipaddress
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateSigningRequest,
    TLSCertificatesError,
    _issuing,
)
from tests.unit.lib import keys
from tests.unit.lib.issuers import DAY, NOW, A, csr_with, issue, root_ca

UNKNOWN_OID = "1.3.6.1.4.1.99999.1"
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def test_unknown_critical_extension_is_denied() -> None:
    """An unknown critical extension is a reason to refuse, which names it."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(UNKNOWN_OID), b"\x05\x00")
    with pytest.raises(TLSCertificatesError, match=UNKNOWN_OID.replace(".", r"\.")):
        issue(csr_with((extension, True)))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param(x509.DNSName("bad_name.example"), "bad_name", id="DNS name"),
        pytest.param(x509.DNSName("a.*.example"), r"a\.\*", id="wildcard inside"),
        pytest.param(x509.DirectoryName(x509.Name([])), "DirectoryName", id="directory name"),
        pytest.param(x509.DNSName(" a "), "' a '", id="space"),
        pytest.param(x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), "network", id="network"),
        pytest.param(x509.RFC822Name("nobody"), "user@host", id="email"),
        pytest.param(x509.UniformResourceIdentifier("/path"), "not absolute", id="URI"),
    ],
)
def test_bad_names_are_denied(name: x509.GeneralName, reason: str) -> None:
    """A name that no certificate should have is a reason to refuse, not dropped in silence."""
    with pytest.raises(TLSCertificatesError, match=reason):
        issue(csr_with((x509.SubjectAlternativeName([name]), False)))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(rsa.generate_private_key(65537, 1024), "1024", id="RSA"),
        pytest.param(ec.generate_private_key(ec.SECP192R1()), "192", id="ECDSA"),
        pytest.param(dsa.generate_private_key(2048), "not RSA", id="DSA"),
    ],
)
def test_weak_key_is_denied(key: Any, reason: str) -> None:
    """A request with a key that is too weak, or of a kind that no server uses, is refused."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    )
    csr = CertificateSigningRequest(x509_object=builder.sign(key, hashes.SHA256()))
    with pytest.raises(TLSCertificatesError, match=reason):
        issue(csr)


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        pytest.param("abc", "a\x00c", "control character", id="NUL"),
        pytest.param("abc", "a\rc", "control character", id="line"),
    ],
)
def test_bad_subject_is_denied(good: str, bad: str, reason: str) -> None:
    """A subject that no certificate should have is refused, not signed as it came."""
    der = A(common_name=good).generate_csr(keys.key("leaf")).x509_object
    text = der.public_bytes(serialization.Encoding.DER).replace(good.encode(), bad.encode())
    subject = x509.load_der_x509_csr(text).subject
    with pytest.raises(TLSCertificatesError, match=reason):
        issue(csr_with(subject=subject))


def test_ca_needs_a_subject() -> None:
    """A CA without a subject could not be named as an issuer: neither root nor sub-CA has none."""
    nameless = A(sans_dns=["a"], add_unique_id_to_subject_name=False)
    with pytest.raises(TLSCertificatesError, match="needs a subject"):
        Certificate.generate_self_signed_ca(nameless, keys.key(), DAY)
    with pytest.raises(TLSCertificatesError, match="needs a subject"):
        nameless.generate_csr(keys.key()).sign(keys.authority(), keys.key("ca"), DAY, True)


def test_ca_extension_of_the_profile_is_refused() -> None:
    """A root's own constraints are not the caller's to give twice."""
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    attributes = A(common_name="ca", additional_critical_extensions=[constraints])
    with pytest.raises(TLSCertificatesError, match=r"2\.5\.29\.19"):
        Certificate.generate_self_signed_ca(attributes, keys.key(), DAY)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param({"key": "other"}, "not that of the CA", id="wrong key"),
        pytest.param({"now": NOW + 200 * DAY}, "expired", id="CA expired"),
        pytest.param({"validity": timedelta(days=-5)}, "a second or more", id="negative"),
        pytest.param({"validity": timedelta()}, "a second or more", id="zero"),
        pytest.param({"now": NOW - 200 * DAY}, "not valid yet", id="CA not valid yet"),
        pytest.param({"validity": timedelta.max}, "year 9999", id="without end"),
    ],
)
def test_cannot_sign(arguments: dict[str, Any], reason: str) -> None:
    """What makes a CA unable to sign is said."""
    with pytest.raises(TLSCertificatesError, match=reason):
        _issuing.sign(
            keys.csr_of(),
            root_ca(),
            keys.key(arguments.get("key", "root")),
            arguments.get("validity", DAY),
            arguments.get("now", NOW),
        )


def test_leaf_cannot_sign() -> None:
    """What is no CA does not sign."""
    leaf = issue(keys.csr_of(key_name="root"))
    with pytest.raises(TLSCertificatesError, match="not a CA"):
        _issuing.sign(keys.csr_of(), leaf, keys.key("root"), DAY, NOW)


def test_ca_whose_key_usage_forbids_it_does_not_sign() -> None:
    """What a CA signs without `keyCertSign` would not verify."""
    root = root_ca().x509_object
    builder = x509.CertificateBuilder(
        root.issuer,
        root.subject,
        root.public_key(),  # pyright: ignore[reportArgumentType] - an ECDSA key.
        root.serial_number,
        root.not_valid_before_utc,
        root.not_valid_after_utc,
    )
    usage = dict.fromkeys(USAGES, False)
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    builder = builder.add_extension(x509.KeyUsage(**{**usage, "crl_sign": True}), critical=True)
    ca = Certificate(x509_object=builder.sign(keys.key("root").x509_object, hashes.SHA256()))
    with pytest.raises(TLSCertificatesError, match="key usage"):
        issue(keys.csr_of(), ca=ca)


def test_invalid_attributes_do_not_make_a_ca() -> None:
    """A CA's subject is checked, and the message says what is wrong."""
    with pytest.raises(TLSCertificatesError, match="GBR"):
        Certificate.generate_self_signed_ca(
            A(common_name="ca", country_name="GBR"), keys.key(), DAY
        )
