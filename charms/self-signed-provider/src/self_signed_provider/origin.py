"""What a certificate authority is made from, and the making of one.

As long as that is what the operator wants, the authority is kept.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cryptography import x509

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)

if TYPE_CHECKING:
    from .config import ProviderConfig


@dataclasses.dataclass(frozen=True)
class Made:
    """What a root of this charm's own making is made from."""

    subject: tuple[str, ...]
    """Common name, organization, organizational unit, e-mail address, country, state or province,
    locality; empty text where there is none."""
    key_algorithm: str
    """As the option has it."""


@dataclasses.dataclass(frozen=True)
class Brought:
    """A CA that the operator brought is made from nothing but itself."""

    fingerprint: str
    """Hex of SHA-256 over its certificate in DER."""


Origin = Made | Brought


def origin_of_own(config: ProviderConfig, default_name: str) -> Made:
    """Return what a CA of this charm's own making is made from: its subject and its algorithm."""
    return Made(subject_of(_attributes(config, default_name)), config.key_algorithm)


def origin_of_given(certificate: Certificate) -> Brought:
    """Return the origin of a CA that the operator brought."""
    return Brought(certificate.sha256_fingerprint)


def create(config: ProviderConfig, default_name: str) -> tuple[Certificate, PrivateKey]:
    """Make a root and its key, as the options want it."""
    algorithm, _, size = config.key_algorithm.partition("-")
    key = PrivateKey.generate(key_algorithm=algorithm, key_size=int(size.lstrip("p")))
    attributes = _attributes(config, default_name)
    root = Certificate.generate_self_signed_ca(attributes, key, config.root_ca_validity)
    return root, key


def path_length(certificate: Certificate) -> int | None:
    """Return how many CAs may stand between a CA and a leaf; `None` is any number."""
    try:
        return certificate.x509_object.extensions.get_extension_for_class(
            x509.BasicConstraints
        ).value.path_length
    except x509.ExtensionNotFound:
        return None


def subject_of(named: CertificateRequestAttributes | Certificate) -> tuple[str, ...]:
    """Return a subject in the form of `Made.subject`."""
    fields = (
        named.common_name,
        named.organization,
        named.organizational_unit,
        named.email_address,
        named.country_name,
        named.state_or_province_name,
        named.locality_name,
    )
    return tuple(field or "" for field in fields)


def _attributes(config: ProviderConfig, default_name: str) -> CertificateRequestAttributes:
    return CertificateRequestAttributes(
        common_name=config.ca_common_name or default_name[:64],
        organization=config.ca_organization,
        organizational_unit=config.ca_organizational_unit,
        email_address=config.ca_email_address,
        country_name=config.ca_country_name and config.ca_country_name.upper(),
        state_or_province_name=config.ca_state_or_province_name,
        locality_name=config.ca_locality_name,
        is_ca=True,
        add_unique_id_to_subject_name=False,
    )
