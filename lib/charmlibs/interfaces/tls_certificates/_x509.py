"""Certificates and certificate signing requests, parsed.

A value that exists is readable: names, extensions and public key of every object here have been
decoded once, when it was made.
"""

import functools
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID, NameOID

from . import _errors, _keys, _x509_common

if TYPE_CHECKING:
    from . import _attributes


class Certificate(_x509_common.Named[x509.Certificate]):
    """A certificate.

    Args:
        raw: The certificate in PEM.
        common_name: Ignored, as are all arguments but *raw* and *x509_object*: old versions of
            the library took them.
        expiry_time: Ignored.
        validity_start_time: Ignored.
        is_ca: Ignored.
        sans_dns: Ignored.
        sans_ip: Ignored.
        sans_oid: Ignored.
        email_address: Ignored.
        organization: Ignored.
        organizational_unit: Ignored.
        country_name: Ignored.
        state_or_province_name: Ignored.
        locality_name: Ignored.
        x509_object: The certificate as an object of ``cryptography``, in place of *raw*.

    Raises:
        TLSCertificatesError: If neither is given, or *raw* is no certificate. Also a
            ``ValueError``.
    """

    def __init__(  # noqa: PLR0917
        self,
        raw: str | None = None,
        common_name: str | None = None,
        expiry_time: datetime | None = None,
        validity_start_time: datetime | None = None,
        is_ca: bool | None = None,
        sans_dns: set[str] | None = None,
        sans_ip: set[str] | None = None,
        sans_oid: set[str] | None = None,
        email_address: str | None = None,
        organization: str | None = None,
        organizational_unit: str | None = None,
        country_name: str | None = None,
        state_or_province_name: str | None = None,
        locality_name: str | None = None,
        x509_object: x509.Certificate | None = None,
    ) -> None:
        if x509_object is not None:
            self._x509 = x509_object
        elif raw is not None:
            self._x509 = _x509_common.parse(raw, _load_certificate, "certificate")
        else:
            raise _errors.InvalidArgument("Certificate needs raw or x509_object")

    @functools.cached_property
    def raw(self) -> str:
        """Return the PEM-formatted string representation of the certificate."""
        return self._x509.public_bytes(serialization.Encoding.PEM).decode().strip()

    @property
    def x509_object(self) -> x509.Certificate:
        """The certificate as an object of ``cryptography``."""
        return self._x509

    @property
    def common_name(self) -> str:
        """The common name of the subject; empty if there is none."""
        return self._first(NameOID.COMMON_NAME) or ""

    @property
    def issuer_common_name(self) -> str | None:
        """The common name of the issuer."""
        for attribute in self._x509.issuer.get_attributes_for_oid(NameOID.COMMON_NAME):
            if isinstance(attribute.value, str):
                return attribute.value
        return None

    @property
    def issuer_rfc4514(self) -> str:
        """The issuer as text (RFC 4514), the most specific part first."""
        return self._x509.issuer.rfc4514_string()

    @property
    def expiry_time(self) -> datetime:
        """The last second of the certificate's validity, aware, UTC."""
        return self._x509.not_valid_after_utc

    @property
    def validity_start_time(self) -> datetime:
        """The first second of the certificate's validity, aware, UTC."""
        return self._x509.not_valid_before_utc

    @property
    def serial_number(self) -> int:
        """The serial number, which is unique for its issuer."""
        return self._x509.serial_number

    @functools.cached_property
    def sha256_fingerprint(self) -> str:
        """The SHA-256 of the certificate in DER, in hex."""
        return hashlib.sha256(self._der).hexdigest()

    @functools.cached_property
    def is_ca(self) -> bool:
        """Whether the certificate is a CA certificate (RFC 5280, section 4.2.1.9)."""
        try:
            return self._x509.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            return False

    @property
    def sans_dns(self) -> set[str] | None:
        """The DNS Subject Alternative Names of the certificate."""
        return self._dns_names() or None

    @property
    def sans_ip(self) -> set[str] | None:
        """The IP Subject Alternative Names of the certificate."""
        return self._ip_addresses() or None

    @property
    def sans_oid(self) -> set[str] | None:
        """The OID Subject Alternative Names of the certificate."""
        return self._registered_ids() or None

    @classmethod
    def from_string(cls, certificate: str) -> "Certificate":
        """Create a Certificate object from a certificate in PEM.

        Raises:
            TLSCertificatesError: If the text is no certificate.
        """
        return cls(raw=certificate)

    def matches_private_key(self, private_key: _keys.PrivateKey) -> bool:
        """Check if this certificate is for the public half of *private_key*."""
        return self.public_key_sha256 == private_key.public_key_sha256

    def is_signed_by(self, issuer: "Certificate") -> bool:
        """Check that *issuer* bears this certificate's issuer name and made its signature."""
        try:
            self._x509.verify_directly_issued_by(issuer.x509_object)
        # InvalidSignature, ValueError, TypeError or UnsupportedAlgorithm: in no case signed by it.
        except Exception:  # noqa: BLE001
            return False
        return True

    def is_valid_at(self, moment: datetime) -> bool:
        """Check that *moment* (aware) is not after the end of the validity."""
        return moment <= self.expiry_time

    @classmethod
    def generate(
        cls,
        csr: "CertificateSigningRequest",
        ca: "Certificate",
        ca_private_key: _keys.PrivateKey,
        validity: timedelta,
        is_ca: bool = False,
    ) -> "Certificate":
        """Generate a certificate from a CSR signed by the given CA and CA private key.

        Args:
            csr: The certificate signing request.
            ca: The CA certificate.
            ca_private_key: The CA private key.
            validity: How long from now the certificate is valid; cut to the CA's validity.
            is_ca: Whether the generated certificate is a CA certificate.

        Raises:
            TLSCertificatesError: If the request cannot be granted, or the CA cannot sign.
        """
        from . import _issuing  # noqa: PLC0415 - the published name of a function one layer up.

        return _issuing.sign_now(csr, ca, ca_private_key, validity, is_ca=is_ca)

    @classmethod
    def generate_self_signed_ca(
        cls,
        attributes: "_attributes.CertificateRequestAttributes",
        private_key: _keys.PrivateKey,
        validity: timedelta,
    ) -> "Certificate":
        """Generate a self-signed CA certificate.

        Args:
            attributes: The certificate request attributes.
            private_key: The private key to sign the CA certificate.
            validity: The validity period of the CA certificate, from now.

        Raises:
            TLSCertificatesError: If the attributes are not valid; the message says why.
        """
        from . import _issuing  # noqa: PLC0415 - the published name of a function one layer up.

        return _issuing.self_signed_ca_now(attributes, private_key, validity)

    def __str__(self) -> str:
        return self.raw


class CertificateSigningRequest(_x509_common.Named[x509.CertificateSigningRequest]):
    """A certificate signing request.

    Args:
        raw: The request in PEM. Its text is kept as it came, but for outer white space, because
            it is the correlation id of the interface.
        common_name: Ignored, as are all arguments but *raw* and *x509_object*: old versions of
            the library took them.
        sans_dns: Ignored.
        sans_ip: Ignored.
        sans_oid: Ignored.
        email_address: Ignored.
        organization: Ignored.
        organizational_unit: Ignored.
        country_name: Ignored.
        state_or_province_name: Ignored.
        locality_name: Ignored.
        has_unique_identifier: Ignored.
        x509_object: The request as an object of ``cryptography``, in place of *raw*.

    Raises:
        TLSCertificatesError: If neither is given, or *raw* is no request. Also a ``ValueError``.
    """

    def __init__(  # noqa: PLR0917
        self,
        raw: str | None = None,
        common_name: str | None = None,
        sans_dns: set[str] | None = None,
        sans_ip: set[str] | None = None,
        sans_oid: set[str] | None = None,
        email_address: str | None = None,
        organization: str | None = None,
        organizational_unit: str | None = None,
        country_name: str | None = None,
        state_or_province_name: str | None = None,
        locality_name: str | None = None,
        has_unique_identifier: bool | None = None,
        x509_object: x509.CertificateSigningRequest | None = None,
    ) -> None:
        if x509_object is not None:
            self._x509 = x509_object
            self._raw = x509_object.public_bytes(serialization.Encoding.PEM).decode().strip()
        elif raw is not None:
            self._x509 = _x509_common.parse(raw, x509.load_pem_x509_csr, "certificate request")
            self._raw = raw.strip()
        else:
            raise _errors.InvalidArgument("CertificateSigningRequest needs raw or x509_object")

    @property
    def raw(self) -> str:
        """Return the PEM-formatted string representation of the CSR."""
        return self._raw

    @property
    def x509_object(self) -> x509.CertificateSigningRequest:
        """The request as an object of ``cryptography``."""
        return self._x509

    @property
    def common_name(self) -> str:
        """The common name of the CSR; empty if there is none."""
        return self._first(NameOID.COMMON_NAME) or ""

    @property
    def sans_dns(self) -> set[str]:
        """The DNS Subject Alternative Names of the CSR."""
        return self._dns_names()

    @property
    def sans_ip(self) -> set[str]:
        """The IP Subject Alternative Names of the CSR."""
        return self._ip_addresses()

    @property
    def sans_oid(self) -> set[str]:
        """The OID Subject Alternative Names of the CSR."""
        return self._registered_ids()

    @property
    def has_unique_identifier(self) -> bool:
        """Whether the CSR has a unique identifier in its subject."""
        return bool(self._x509.subject.get_attributes_for_oid(NameOID.X500_UNIQUE_IDENTIFIER))

    @property
    def additional_critical_extensions(self) -> list[x509.ExtensionType]:
        """The critical extensions of the CSR but the subject alternative names."""
        return [
            extension.value
            for extension in self._x509.extensions
            if extension.critical and extension.oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ]

    @functools.cached_property
    def is_signature_valid(self) -> bool:
        """Whether the request proves that its sender has the private key (RFC 2986)."""
        try:
            return self._x509.is_signature_valid
        # A key or signature algorithm which cannot be checked proves nothing.
        except Exception:  # noqa: BLE001
            return False

    @classmethod
    def from_string(cls, csr: str) -> "CertificateSigningRequest":
        """Create a CertificateSigningRequest object from a CSR in PEM.

        Raises:
            TLSCertificatesError: If the text is no certificate signing request.
        """
        return cls(raw=csr)

    @classmethod
    def from_csr(cls, csr: "CertificateSigningRequest") -> "CertificateSigningRequest":
        """Create a CertificateSigningRequest object from another."""
        return cls(raw=csr.raw)

    def matches_certificate(self, certificate: Certificate) -> bool:
        """Check if this CSR and *certificate* are for the same key."""
        return self.public_key_sha256 == certificate.public_key_sha256

    def matches_private_key(self, key: _keys.PrivateKey) -> bool:
        """Check if this CSR is for the public half of *key*."""
        return self.public_key_sha256 == key.public_key_sha256

    def get_sha256_hex(self) -> str:
        """Return the SHA-256 of the CSR's PEM text, in hex."""
        return hashlib.sha256(self._raw.encode()).hexdigest()

    def sign(
        self,
        ca: Certificate,
        ca_private_key: _keys.PrivateKey,
        validity: timedelta,
        is_ca: bool = False,
    ) -> Certificate:
        """Sign this CSR with the given CA and CA private key.

        Args:
            ca: The CA certificate.
            ca_private_key: The CA private key.
            validity: How long from now the certificate is valid; cut to the CA's validity.
            is_ca: Whether the generated certificate is a CA certificate.

        Raises:
            TLSCertificatesError: If the request cannot be granted, or the CA cannot sign.
        """
        return Certificate.generate(self, ca, ca_private_key, validity, is_ca)

    @classmethod
    def generate(
        cls,
        attributes: "_attributes.CertificateRequestAttributes",
        private_key: _keys.PrivateKey,
    ) -> "CertificateSigningRequest":
        """Generate a CSR using the supplied attributes and private key.

        Raises:
            TLSCertificatesError: If the attributes are not valid; the message says why.
        """
        return attributes.generate_csr(private_key)

    def __str__(self) -> str:
        return self.raw


def _load_certificate(pem: bytes) -> x509.Certificate:
    parsed = x509.load_pem_x509_certificate(pem)
    _ = parsed.issuer, parsed.not_valid_before_utc, parsed.not_valid_after_utc
    return parsed
