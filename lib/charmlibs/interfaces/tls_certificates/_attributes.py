"""What a charm wants in a certificate: the attributes of a request."""

import functools
import ipaddress
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from . import _errors, _keys, _names, _x509


class CertificateRequestAttributes:
    """A representation of the certificate request attributes.

    Texts are canonical from construction: equal requests are equal. Values that no certificate
    can hold are kept, and told by :attr:`problems`: they may be an operator's typing error, which
    must not fail the hook.

    Args:
        common_name: At most 64 characters, and bytes in UTF-8.
        sans_dns: DNS names, as A-labels; the first label may be ``*``.
        sans_ip: IPv4 and IPv6 addresses, in any spelling.
        sans_oid: Object identifiers, dotted.
        email_address: In ASCII.
        organization: At most 64 characters.
        organizational_unit: At most 64 characters.
        country_name: Two letters.
        state_or_province_name: At most 128 characters.
        locality_name: At most 128 characters.
        is_ca: Whether a CA certificate is asked for.
        add_unique_id_to_subject_name: Whether each CSR gets a random identifier in its subject,
            which is no part of equality.
        additional_critical_extensions: To be added to the CSR, marked critical.

    Raises:
        TLSCertificatesError: If there is no name at all, in any of the first four arguments. Also
            a ``ValueError``.
        TypeError: If an argument is of another type; the message names it.
    """

    def __init__(  # noqa: PLR0917
        self,
        common_name: str | None = None,
        sans_dns: Collection[str] | None = None,
        sans_ip: Collection[str] | None = None,
        sans_oid: Collection[str] | None = None,
        email_address: str | None = None,
        organization: str | None = None,
        organizational_unit: str | None = None,
        country_name: str | None = None,
        state_or_province_name: str | None = None,
        locality_name: str | None = None,
        is_ca: bool = False,
        add_unique_id_to_subject_name: bool = True,
        additional_critical_extensions: Collection[x509.ExtensionType] | None = None,
    ) -> None:
        self._common_name = _text("common_name", common_name)
        self._sans_dns = _canonical_set("sans_dns", sans_dns, _names.canonical_dns)
        self._sans_ip = _canonical_set("sans_ip", sans_ip, _names.canonical_ip)
        self._sans_oid = _canonical_set("sans_oid", sans_oid, _names.canonical_oid)
        self._email_address = _text("email_address", email_address)
        self._organization = _text("organization", organization)
        self._organizational_unit = _text("organizational_unit", organizational_unit)
        self._country_name = _text("country_name", country_name)
        self._state_or_province_name = _text("state_or_province_name", state_or_province_name)
        self._locality_name = _text("locality_name", locality_name)
        self._is_ca = bool(is_ca)
        self._add_unique_id = bool(add_unique_id_to_subject_name)
        self._extensions = _extensions(additional_critical_extensions)
        if not (self._common_name or self._sans_dns or self._sans_ip or self._sans_oid):
            raise _errors.InvalidArgument(
                "At least one of common_name, sans_dns, sans_ip, or sans_oid must be provided"
            )

    @property
    def common_name(self) -> str:
        """The common name; empty if there is none."""
        return self._common_name or ""

    @property
    def sans_dns(self) -> set[str] | None:
        """The DNS Subject Alternative Names."""
        return None if self._sans_dns is None else set(self._sans_dns)

    @property
    def sans_ip(self) -> set[str] | None:
        """The IP Subject Alternative Names."""
        return None if self._sans_ip is None else set(self._sans_ip)

    @property
    def sans_oid(self) -> set[str] | None:
        """The OID Subject Alternative Names."""
        return None if self._sans_oid is None else set(self._sans_oid)

    @property
    def email_address(self) -> str | None:
        """The email address."""
        return self._email_address

    @property
    def organization(self) -> str | None:
        """The organization name."""
        return self._organization

    @property
    def organizational_unit(self) -> str | None:
        """The organizational unit name."""
        return self._organizational_unit

    @property
    def country_name(self) -> str | None:
        """The country name."""
        return self._country_name

    @property
    def state_or_province_name(self) -> str | None:
        """The state or province name."""
        return self._state_or_province_name

    @property
    def locality_name(self) -> str | None:
        """The locality name."""
        return self._locality_name

    @property
    def is_ca(self) -> bool:
        """Whether a CA certificate is asked for."""
        return self._is_ca

    @property
    def add_unique_id_to_subject_name(self) -> bool:
        """Whether to add a unique identifier to the subject name."""
        return self._add_unique_id

    @property
    def additional_critical_extensions(self) -> list[x509.ExtensionType]:
        """Additional critical extensions to be added to the CSR."""
        return list(self._extensions)

    @classmethod
    def from_csr(
        cls, csr: _x509.CertificateSigningRequest, is_ca: bool
    ) -> "CertificateRequestAttributes":
        """Return the attributes that a CSR asks for.

        Args:
            csr: The CSR to extract attributes from.
            is_ca: Whether a CA certificate is being requested, which a CSR does not say.

        Raises:
            TLSCertificatesError: If the CSR has no name that these attributes know.
        """
        return cls(
            common_name=csr.common_name,
            sans_dns=csr.sans_dns,
            sans_ip=csr.sans_ip,
            sans_oid=csr.sans_oid,
            email_address=csr.email_address,
            organization=csr.organization,
            organizational_unit=csr.organizational_unit,
            country_name=csr.country_name,
            state_or_province_name=csr.state_or_province_name,
            locality_name=csr.locality_name,
            is_ca=is_ca,
            add_unique_id_to_subject_name=csr.has_unique_identifier,
            additional_critical_extensions=csr.additional_critical_extensions,
        )

    @functools.cached_property
    def problems(self) -> tuple[str, ...]:
        """Why these attributes are not valid, each problem a sentence; empty if they are."""
        return tuple(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        for field in ("common_name", *_subject_fields()):
            text = getattr(self, field)
            if text and field in _names.UPPER_BOUNDS:
                problem = _names.subject_problem(field, text)
                if problem:
                    yield problem
        if self._country_name and (problem := _names.country_problem(self._country_name)):
            yield problem
        if self._email_address and (problem := _names.email_problem(self._email_address)):
            yield problem
        yield from _names.san_problems(
            self._sans_dns or (), self._sans_ip or (), self._sans_oid or ()
        )
        oids = [extension.oid for extension in self._extensions]
        if len(set(oids)) != len(oids):
            yield "additional_critical_extensions has two of one kind"
        if ExtensionOID.SUBJECT_ALTERNATIVE_NAME in oids:
            yield "additional_critical_extensions has subject alternative names: use sans_*"

    def is_valid(self) -> bool:
        """Tell whether a certificate can have these attributes; :attr:`problems` says why not."""
        return not self.problems

    def generate_csr(self, private_key: _keys.PrivateKey) -> _x509.CertificateSigningRequest:
        """Generate a CSR using the current attributes and a private key.

        Args:
            private_key: Private key to sign the CSR.

        Raises:
            TLSCertificatesError: If the attributes are not valid; the message says why.
        """
        subject = self.subject_name()
        names = self.alternative_names()
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names:
            # Critical where nothing else names the subject (RFC 5280, section 4.2.1.6).
            builder = builder.add_extension(
                x509.SubjectAlternativeName(names), critical=not list(subject)
            )
        for extension in self._extensions:
            builder = builder.add_extension(extension, critical=True)
        return _x509.CertificateSigningRequest(
            x509_object=builder.sign(private_key.x509_object, private_key.signature_hash)
        )

    def subject_name(self) -> x509.Name:
        """Return the subject for one CSR or CA: its unique identifier is new with every call.

        Raises:
            TLSCertificatesError: If the attributes are not valid; the message says why.
        """
        if self.problems:
            raise _errors.InvalidArgument("; ".join(self.problems))
        attributes = [
            x509.NameAttribute(oid, text)
            for field, oid in SUBJECT.items()
            if (text := getattr(self, field))
        ]
        if self._add_unique_id:
            attributes.append(
                x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, str(uuid.uuid4()))
            )
        return x509.Name(attributes)

    def alternative_names(self) -> list[x509.GeneralName]:
        """Return the subject alternative names, sorted, so that equal requests are written alike.

        Raises:
            ValueError: If one of them is not valid.
        """
        return [
            *(x509.DNSName(name) for name in sorted(self._sans_dns or ())),
            *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in sorted(self._sans_ip or ())),
            *(
                x509.RegisteredID(x509.ObjectIdentifier(oid))
                for oid in sorted(self._sans_oid or ())
            ),
        ]

    @functools.cached_property
    def _identity(self) -> tuple[object, ...]:
        return (
            *(getattr(self, field) for field in SUBJECT),
            *(
                names or frozenset[str]()
                for names in (self._sans_dns, self._sans_ip, self._sans_oid)
            ),
            self._is_ca,
            self._add_unique_id,
            frozenset(self._extensions),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CertificateRequestAttributes):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        names = [self.common_name, *sorted(self._sans_dns or ()), *sorted(self._sans_ip or ())]
        return f"<CertificateRequestAttributes {' '.join(filter(None, names))!r}>"


SUBJECT = {
    "common_name": NameOID.COMMON_NAME,
    "email_address": NameOID.EMAIL_ADDRESS,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "country_name": NameOID.COUNTRY_NAME,
    "state_or_province_name": NameOID.STATE_OR_PROVINCE_NAME,
    "locality_name": NameOID.LOCALITY_NAME,
}
"""The parts of a subject, by the names that they have as attributes."""


def _subject_fields() -> tuple[str, ...]:
    return tuple(field for field in SUBJECT if field != "common_name")


def _text(argument: str, text: str | None) -> str | None:
    if text is not None and not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - charms without types.
        raise TypeError(f"{argument} must be a text or None, not {text!r}")
    return text or None


def _canonical_set(
    argument: str, names: Collection[str] | None, canonical: Callable[[str], str]
) -> frozenset[str] | None:
    if names is None:
        return None
    if isinstance(names, str) or not isinstance(names, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - as above.
        raise TypeError(f"{argument} must be a collection of texts, not {names!r}")
    names = list(names)
    for name in names:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - as above.
            raise TypeError(f"{argument} must be a collection of texts, and has {name!r} in it")
    return frozenset(text for name in names if (text := canonical(name)))


def _extensions(
    extensions: Collection[x509.ExtensionType] | None,
) -> tuple[x509.ExtensionType, ...]:
    given = tuple(extensions or ())
    for one in given:
        if not isinstance(one, x509.ExtensionType):  # pyright: ignore[reportUnnecessaryIsInstance] - as above.
            raise TypeError(
                "additional_critical_extensions must be a collection of "
                f"cryptography.x509.ExtensionType, and has {one!r} in it"
            )
    return given
