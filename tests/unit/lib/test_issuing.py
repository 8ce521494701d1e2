"""Certificates are issued to the profile: RFC 5280, and the CA/Browser Forum's."""

import socket
import ssl
import subprocess
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    PrivateKey,
    TLSCertificatesError,
    _issuing,
)
from tests.unit.lib import keys
from tests.unit.lib.issuers import DAY, NOW, A, csr_with, issue, root_ca

UNKNOWN_OID = "1.3.6.1.4.1.99999.1"
LEAF_USAGES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


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
    ca = root_ca()
    certificate = issue(A(common_name="a", sans_dns=["a.example"]).generate_csr(key), ca=ca)
    assert_is_leaf(certificate, ca, is_rsa=is_rsa)
    assert not certificate.is_ca


def test_root_profile() -> None:
    """A root signs certificates and CRLs, is critical about it, and has no path length."""
    root = root_ca()
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
    sub = issue(csr, is_ca=True)
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
    certificate = issue(keys.csr_of(), validity, ca=root_ca(200 * DAY, NOW - DAY))
    assert certificate.validity_start_time == NOW - backdated
    assert certificate.expiry_time == NOW + validity


def test_never_outside_of_the_ca() -> None:
    """A leaf is not valid before its CA is, nor after."""
    ca = root_ca(timedelta(hours=1))
    certificate = issue(keys.csr_of(), DAY, ca=ca)
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
    csr = csr_with((x509.SubjectAlternativeName(asked), False), subject=subject)
    assert _names(issue(csr)) == [*asked, x509.RFC822Name("me@example.com")]


@pytest.mark.parametrize(
    ("subject", "critical"),
    [pytest.param(x509.Name([]), True, id="empty"), pytest.param(None, False, id="named")],
)
def test_names_critical_without_subject(subject: x509.Name | None, critical: bool) -> None:
    """Alternative names are critical where nothing else names the subject."""
    csr = csr_with(
        (x509.SubjectAlternativeName([x509.DNSName("a.example")]), False), subject=subject
    )
    assert _extension(issue(csr), x509.SubjectAlternativeName).critical is critical


def test_tls_feature_is_copied() -> None:
    """A request for OCSP stapling is granted."""
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    assert _extension(issue(csr_with((feature, False))), x509.TLSFeature).value == feature


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
    certificate = issue(csr_with((x509.ExtendedKeyUsage(asked), False)))
    assert list(_extension(certificate, x509.ExtendedKeyUsage).value) == given


def test_unknown_extension_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An unknown extension is not copied, and the log names it."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(UNKNOWN_OID), b"\x05\x00")
    ca = root_ca()
    assert_is_leaf(issue(csr_with((extension, False)), ca=ca), ca)
    assert UNKNOWN_OID in caplog.text


def test_p384_signs_with_sha384() -> None:
    """The hash matches the strength of the curve."""
    key = PrivateKey(x509_object=ec.generate_private_key(ec.SECP384R1()))
    root = root_ca(key=key)
    assert isinstance(root.x509_object.signature_hash_algorithm, hashes.SHA384)
    csr = A(common_name="a").generate_csr(key)
    assert isinstance(csr.x509_object.signature_hash_algorithm, hashes.SHA384)
