"""A root CA at a fixed moment, requests as other tools make them, and what is issued to them."""

from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
    _issuing,
)
from tests.unit.lib import keys

A = CertificateRequestAttributes
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def root_ca(
    validity: timedelta = 100 * DAY, now: datetime = NOW, key: PrivateKey | None = None
) -> Certificate:
    attributes = A(common_name="Root", organization="Ünï", country_name="GB", is_ca=True)
    return _issuing.self_signed_ca(attributes, key or keys.key("root"), validity, now)


def issue(
    csr: CertificateSigningRequest, validity: timedelta = DAY, **options: Any
) -> Certificate:
    ca = options.pop("ca", None) or root_ca()
    return _issuing.sign(csr, ca, keys.key("root"), validity, NOW, **options)


def csr_with(
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
