"""What certificates and certificate signing requests have in common: names and a public key."""

import functools
from collections.abc import Callable
from typing import Generic, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from . import _errors, _keys

_Parsed = TypeVar("_Parsed", x509.Certificate, x509.CertificateSigningRequest)


class Named(Generic[_Parsed]):
    """What certificates and requests have in common: a subject, alternative names, a key."""

    _x509: _Parsed

    def _first(self, oid: x509.ObjectIdentifier) -> str | None:
        for attribute in self._subject.get_attributes_for_oid(oid):
            if isinstance(attribute.value, str):
                return attribute.value
        return None

    @functools.cached_property
    def _subject(self) -> x509.Name:
        # `cryptography` builds it anew each time that it is asked for.
        return self._x509.subject

    @functools.cached_property
    def _alternative_names(self) -> x509.SubjectAlternativeName:
        try:
            return self._x509.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return x509.SubjectAlternativeName([])

    def _dns_names(self) -> set[str]:
        return set(self._alternative_names.get_values_for_type(x509.DNSName))

    def _ip_addresses(self) -> set[str]:
        return {str(ip) for ip in self._alternative_names.get_values_for_type(x509.IPAddress)}

    def _registered_ids(self) -> set[str]:
        oids = self._alternative_names.get_values_for_type(x509.RegisteredID)
        return {oid.dotted_string for oid in oids}

    @property
    def email_address(self) -> str | None:
        """The email address in the subject."""
        return self._first(NameOID.EMAIL_ADDRESS)

    @property
    def organization(self) -> str | None:
        """The organization name in the subject."""
        return self._first(NameOID.ORGANIZATION_NAME)

    @property
    def organizational_unit(self) -> str | None:
        """The organizational unit name in the subject."""
        return self._first(NameOID.ORGANIZATIONAL_UNIT_NAME)

    @property
    def country_name(self) -> str | None:
        """The country name in the subject."""
        return self._first(NameOID.COUNTRY_NAME)

    @property
    def state_or_province_name(self) -> str | None:
        """The state or province name in the subject."""
        return self._first(NameOID.STATE_OR_PROVINCE_NAME)

    @property
    def locality_name(self) -> str | None:
        """The locality name in the subject."""
        return self._first(NameOID.LOCALITY_NAME)

    @functools.cached_property
    def public_key_sha256(self) -> str:
        """The SHA-256 of the public key (its SubjectPublicKeyInfo in DER), in hex."""
        return _keys.public_key_sha256(self._x509.public_key())

    @property
    def subject_rfc4514(self) -> str:
        """The subject as text (RFC 4514), the most specific part first."""
        return self._x509.subject.rfc4514_string()

    @functools.cached_property
    def _der(self) -> bytes:
        return self._x509.public_bytes(serialization.Encoding.DER)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._der == other._der

    def __hash__(self) -> int:
        return hash(self._der)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.subject_rfc4514!r}>"


def parse(pem: str, load: Callable[[bytes], _Parsed], what: str) -> _Parsed:
    """Load a PEM and decode the parts that ``cryptography`` decodes only when they are asked for.

    Raises:
        InvalidPEM: If any part cannot be read.
    """
    try:
        parsed = load(pem.encode())
        _ = parsed.subject, parsed.extensions, parsed.public_key()
    # ValueError, UnsupportedAlgorithm, DuplicateExtension, ...: the parser has no common base.
    except Exception as error:
        raise _errors.InvalidPEM(what) from error
    return parsed
