"""Certificates are issued to the profile: RFC 5280, and the CA/Browser Forum's."""

import ipaddress
import socket
import ssl
import subprocess
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
    TLSCertificatesError,
    _issuing,
)
from tests.unit.lib import keys

A = CertificateRequestAttributes
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
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
LEAF_USAGES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def _root(
    validity: timedelta = 100 * DAY, now: datetime = NOW, key: PrivateKey | None = None
) -> Certificate:
    attributes = A(common_name="Root", organization="Ünï", country_name="GB", is_ca=True)
    return _issuing.self_signed_ca(attributes, key or keys.key("root"), validity, now)


def _issue(
    csr: CertificateSigningRequest, validity: timedelta = DAY, **options: Any
) -> Certificate:
    ca = options.pop("ca", None) or _root()
    return _issuing.sign(csr, ca, keys.key("root"), validity, NOW, **options)


def _csr(
    *extensions: tuple[x509.ExtensionType, bool], subject: x509.Name | None = None
) -> CertificateSigningRequest:
    """Return a request with extensions, as another tool would make it."""
    name = x509.NameAttribute(NameOID.COMMON_NAME, "a.example")
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([name]) if subject is None else subject
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signed = builder.sign(keys.key("leaf").x509_object, hashes.SHA256())
    return CertificateSigningRequest(x509_object=signed)


def _extension(certificate: Certificate, kind: type[x509.ExtensionType]) -> x509.Extension[Any]:
    return certificate.x509_object.extensions.get_extension_for_class(kind)


def _names(certificate: Certificate) -> list[x509.GeneralName]:
    return list(_extension(certificate, x509.SubjectAlternativeName).value)


def assert_is_leaf(certificate: Certificate, ca: Certificate, *, is_rsa: bool = False) -> None:
    """Check every extension of a leaf, with its criticality."""
    extensions = {one.oid: one for one in certificate.x509_object.extensions}
    assert set(extensions) <= {
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.TLS_FEATURE,
    }
    constraints = extensions[ExtensionOID.BASIC_CONSTRAINTS]
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=False, path_length=None)
    usage = extensions[ExtensionOID.KEY_USAGE]
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.key_encipherment is is_rsa
    assert not usage.value.key_cert_sign
    assert not usage.value.crl_sign
    extended = extensions[ExtensionOID.EXTENDED_KEY_USAGE]
    assert not extended.critical
    assert set(extended.value) <= set(LEAF_USAGES)
    issuer_key = extensions[ExtensionOID.AUTHORITY_KEY_IDENTIFIER].value.key_identifier
    assert issuer_key == _extension(ca, x509.SubjectKeyIdentifier).value.digest
    assert certificate.x509_object.issuer == ca.x509_object.subject
    assert certificate.x509_object.serial_number.bit_length() > 64


@pytest.mark.parametrize("is_rsa", [False, True])
def test_leaf_profile(is_rsa: bool) -> None:
    """A leaf has the whole profile, and key encipherment only with an RSA key."""
    key = keys.rsa_key() if is_rsa else keys.key("leaf")
    ca = _root()
    certificate = _issue(A(common_name="a", sans_dns=["a.example"]).generate_csr(key), ca=ca)
    assert_is_leaf(certificate, ca, is_rsa=is_rsa)
    assert not certificate.is_ca


def test_root_profile() -> None:
    """A root signs certificates and CRLs, is critical about it, and has no path length."""
    root = _root()
    constraints = _extension(root, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=None)
    usage = _extension(root, x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert root.is_signed_by(root)


def test_sub_ca_profile() -> None:
    """A CA below the root may sign leaves, and no further CA."""
    sub_key = keys.key("sub")
    csr = A(common_name="Sub", is_ca=True).generate_csr(sub_key)
    sub = _issue(csr, is_ca=True)
    assert _extension(sub, x509.BasicConstraints).value.path_length == 0
    with pytest.raises(TLSCertificatesError, match="may not sign other CAs"):
        _issuing.sign(csr, sub, sub_key, DAY, NOW, is_ca=True)


def test_chain_verifies_strictly(tmp_path: Path) -> None:
    """OpenSSL builds and verifies the chain of a leaf under an intermediate, by real time."""
    root_key, sub_key = keys.key("root"), keys.key("sub")
    root = Certificate.generate_self_signed_ca(A(common_name="R", is_ca=True), root_key, 9 * DAY)
    sub = A(common_name="S", is_ca=True).generate_csr(sub_key).sign(root, root_key, 3 * DAY, True)
    leaf = (
        A(common_name="L", sans_dns=["a.example"]).generate_csr(keys.key()).sign(sub, sub_key, DAY)
    )
    for name, one in (("root", root), ("sub", sub), ("leaf", leaf)):
        (tmp_path / f"{name}.pem").write_text(one.raw)
    verified = subprocess.run(
        [
            "openssl",
            "verify",
            "-x509_strict",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "sub.pem",
            "-verify_hostname",
            "a.example",
            "leaf.pem",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr


def test_real_handshake(tmp_path: Path) -> None:
    """A TLS client that trusts the CA connects to a server with the certificate."""
    root_key, key = keys.key("root"), keys.key("leaf")
    root = Certificate.generate_self_signed_ca(A(common_name="R", is_ca=True), root_key, DAY)
    leaf = (
        A(common_name="L", sans_dns=["server.example"]).generate_csr(key).sign(root, root_key, DAY)
    )
    (tmp_path / "pair.pem").write_text(f"{key.raw}\n{leaf.raw}\n")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "pair.pem")
    trusting = ssl.create_default_context(cadata=root.raw)
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()
    server = threading.Thread(target=lambda: served.wrap_socket(there, server_side=True).close())
    server.start()
    with trusting.wrap_socket(here, server_hostname="server.example") as connection:
        served_with: Any = connection.getpeercert()
        assert int(served_with["serialNumber"], 16) == leaf.serial_number
    server.join(timeout=10)


@pytest.mark.parametrize(
    ("validity", "backdated"),
    [
        pytest.param(90 * DAY, timedelta(minutes=5), id="at most five minutes"),
        pytest.param(timedelta(seconds=60), timedelta(seconds=3), id="a twentieth"),
    ],
)
def test_backdating(validity: timedelta, backdated: timedelta) -> None:
    """The validity starts a little early, for slow clocks, and ends as asked."""
    certificate = _issue(keys.csr_of(), validity, ca=_root(200 * DAY, NOW - DAY))
    assert certificate.validity_start_time == NOW - backdated
    assert certificate.expiry_time == NOW + validity


def test_never_outside_of_the_ca() -> None:
    """A leaf is not valid before its CA is, nor after."""
    ca = _root(timedelta(hours=1))
    certificate = _issue(keys.csr_of(), DAY, ca=ca)
    assert certificate.validity_start_time == ca.validity_start_time
    assert certificate.expiry_time == ca.expiry_time


def test_all_kinds_of_names() -> None:
    """DNS, IP, OID, e-mail and URI names are taken over, and the subject's e-mail address."""
    asked: list[x509.GeneralName] = [
        x509.DNSName("a.example"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
        x509.RFC822Name("x@example.com"),
        x509.UniformResourceIdentifier("https://a.example/x"),
    ]
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "me@example.com")])
    csr = _csr((x509.SubjectAlternativeName(asked), False), subject=subject)
    assert _names(_issue(csr)) == [*asked, x509.RFC822Name("me@example.com")]


@pytest.mark.parametrize(
    ("subject", "critical"),
    [pytest.param(x509.Name([]), True, id="empty"), pytest.param(None, False, id="named")],
)
def test_names_critical_without_subject(subject: x509.Name | None, critical: bool) -> None:
    """Alternative names are critical where nothing else names the subject."""
    csr = _csr((x509.SubjectAlternativeName([x509.DNSName("a.example")]), False), subject=subject)
    assert _extension(_issue(csr), x509.SubjectAlternativeName).critical is critical


def test_tls_feature_is_copied() -> None:
    """A request for OCSP stapling is granted."""
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    assert _extension(_issue(_csr((feature, False))), x509.TLSFeature).value == feature


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        pytest.param([ExtendedKeyUsageOID.SERVER_AUTH], LEAF_USAGES[:1], id="less"),
        pytest.param([ExtendedKeyUsageOID.CODE_SIGNING], LEAF_USAGES, id="none of ours"),
        pytest.param(
            [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.CLIENT_AUTH],
            LEAF_USAGES[1:],
            id="any",
        ),
    ],
)
def test_extended_key_usage_within_the_profile(asked: list[Any], given: list[Any]) -> None:
    """Of the usages asked for, those that leaves may have are granted."""
    certificate = _issue(_csr((x509.ExtendedKeyUsage(asked), False)))
    assert list(_extension(certificate, x509.ExtendedKeyUsage).value) == given


def test_unknown_extension_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An unknown extension is not copied, and the log names it."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(UNKNOWN_OID), b"\x05\x00")
    ca = _root()
    assert_is_leaf(_issue(_csr((extension, False)), ca=ca), ca)
    assert UNKNOWN_OID in caplog.text


def test_unknown_critical_extension_is_denied() -> None:
    """An unknown critical extension is a reason to refuse, which names it."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(UNKNOWN_OID), b"\x05\x00")
    with pytest.raises(TLSCertificatesError, match=UNKNOWN_OID.replace(".", r"\.")):
        _issue(_csr((extension, True)))


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
        _issue(_csr((x509.SubjectAlternativeName([name]), False)))


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
        _issue(csr)


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
        _issue(_csr(subject=subject))


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
            _root(),
            keys.key(arguments.get("key", "root")),
            arguments.get("validity", DAY),
            arguments.get("now", NOW),
        )


def test_leaf_cannot_sign() -> None:
    """What is no CA does not sign."""
    leaf = _issue(keys.csr_of(key_name="root"))
    with pytest.raises(TLSCertificatesError, match="not a CA"):
        _issuing.sign(keys.csr_of(), leaf, keys.key("root"), DAY, NOW)


def test_ca_whose_key_usage_forbids_it_does_not_sign() -> None:
    """What a CA signs without `keyCertSign` would not verify."""
    root = _root().x509_object
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
        _issue(keys.csr_of(), ca=ca)


def test_invalid_attributes_do_not_make_a_ca() -> None:
    """A CA's subject is checked, and the message says what is wrong."""
    with pytest.raises(TLSCertificatesError, match="GBR"):
        Certificate.generate_self_signed_ca(
            A(common_name="ca", country_name="GBR"), keys.key(), DAY
        )


def test_p384_signs_with_sha384() -> None:
    """The hash matches the strength of the curve."""
    key = PrivateKey(x509_object=ec.generate_private_key(ec.SECP384R1()))
    root = _root(key=key)
    assert isinstance(root.x509_object.signature_hash_algorithm, hashes.SHA384)
    csr = A(common_name="a").generate_csr(key)
    assert isinstance(csr.x509_object.signature_hash_algorithm, hashes.SHA384)
