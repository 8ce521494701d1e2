"""Names of before, which warn: each is a short call of what took its place."""

import warnings
from datetime import timedelta

from . import _attributes, _keys, _x509


def generate_private_key(key_size: int = 2048, public_exponent: int = 65537) -> _keys.PrivateKey:
    """Generate a private key with the RSA algorithm. Deprecated: ``PrivateKey.generate``.

    Args:
        key_size: Key size in bits, must be at least 2048 bits
        public_exponent: Public exponent.

    Raises:
        TLSCertificatesError: If there is no such key size.
    """
    _warn("generate_private_key", "PrivateKey.generate")
    return _keys.PrivateKey.generate(key_size=key_size, public_exponent=public_exponent)


def generate_csr(  # noqa: PLR0917
    private_key: _keys.PrivateKey,
    common_name: str,
    sans_dns: frozenset[str] | None = frozenset(),
    sans_ip: frozenset[str] | None = frozenset(),
    sans_oid: frozenset[str] | None = frozenset(),
    organization: str | None = None,
    organizational_unit: str | None = None,
    email_address: str | None = None,
    country_name: str | None = None,
    locality_name: str | None = None,
    state_or_province_name: str | None = None,
    add_unique_id_to_subject_name: bool = True,
) -> _x509.CertificateSigningRequest:
    """Generate a CSR using private key and subject.

    Deprecated: ``CertificateRequestAttributes.generate_csr``.

    Args:
        private_key: Private key
        common_name: Common name
        sans_dns: DNS Subject Alternative Names
        sans_ip: IP Subject Alternative Names
        sans_oid: OID Subject Alternative Names
        organization: Organization name
        organizational_unit: Organizational unit name
        email_address: Email address
        country_name: Country name
        locality_name: Locality name
        state_or_province_name: State or province name
        add_unique_id_to_subject_name: Whether a unique ID must be added to the CSR's subject
            name. Always leave to "True" when the CSR is used to request certificates using the
            tls-certificates relation.

    Raises:
        TLSCertificatesError: If one of the names is not valid.
    """
    _warn("generate_csr", "CertificateRequestAttributes.generate_csr")
    return _attributes.CertificateRequestAttributes(
        common_name=common_name,
        sans_dns=sans_dns,
        sans_ip=sans_ip,
        sans_oid=sans_oid,
        organization=organization,
        organizational_unit=organizational_unit,
        email_address=email_address,
        country_name=country_name,
        locality_name=locality_name,
        state_or_province_name=state_or_province_name,
        add_unique_id_to_subject_name=add_unique_id_to_subject_name,
    ).generate_csr(private_key)


def generate_ca(  # noqa: PLR0917
    private_key: _keys.PrivateKey,
    validity: timedelta,
    common_name: str,
    sans_dns: frozenset[str] | None = frozenset(),
    sans_ip: frozenset[str] | None = frozenset(),
    sans_oid: frozenset[str] | None = frozenset(),
    organization: str | None = None,
    organizational_unit: str | None = None,
    email_address: str | None = None,
    country_name: str | None = None,
    state_or_province_name: str | None = None,
    locality_name: str | None = None,
) -> _x509.Certificate:
    """Generate a self signed CA Certificate.

    Deprecated: ``Certificate.generate_self_signed_ca``.

    Args:
        private_key: Private key
        validity: Certificate validity time
        common_name: Common Name that can be an IP or a Full Qualified Domain Name (FQDN).
        sans_dns: DNS Subject Alternative Names
        sans_ip: IP Subject Alternative Names
        sans_oid: OID Subject Alternative Names
        organization: Organization name
        organizational_unit: Organizational unit name
        email_address: Email address
        country_name: Certificate Issuing country
        state_or_province_name: Certificate Issuing state or province
        locality_name: Certificate Issuing locality

    Raises:
        TLSCertificatesError: If one of the names is not valid.
    """
    _warn("generate_ca", "Certificate.generate_self_signed_ca")
    attributes = _attributes.CertificateRequestAttributes(
        common_name=common_name,
        sans_dns=sans_dns,
        sans_ip=sans_ip,
        sans_oid=sans_oid,
        organization=organization,
        organizational_unit=organizational_unit,
        email_address=email_address,
        country_name=country_name,
        state_or_province_name=state_or_province_name,
        locality_name=locality_name,
        is_ca=True,
    )
    return _x509.Certificate.generate_self_signed_ca(attributes, private_key, validity)


def generate_certificate(
    csr: _x509.CertificateSigningRequest,
    ca: _x509.Certificate,
    ca_private_key: _keys.PrivateKey,
    validity: timedelta,
    is_ca: bool = False,
) -> _x509.Certificate:
    """Generate a TLS certificate based on a CSR. Deprecated: ``Certificate.generate``.

    Args:
        csr: The certificate signing request.
        ca: The CA certificate.
        ca_private_key: The CA private key.
        validity: The validity period of the certificate.
        is_ca: Whether the generated certificate is a CA certificate.

    Raises:
        TLSCertificatesError: If the request cannot be granted, or the CA cannot sign.
    """
    _warn("generate_certificate", "Certificate.generate")
    return _x509.Certificate.generate(csr, ca, ca_private_key, validity, is_ca)


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated: use {new}", DeprecationWarning, stacklevel=3)
