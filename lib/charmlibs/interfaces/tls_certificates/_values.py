"""What travels over the relation, as values: requests, certificates, errors, capabilities."""

import enum
import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import pydantic

from . import _attributes, _chains, _keys, _x509


class Mode(enum.Enum):
    """Enum representing the mode of the certificate request.

    UNIT (default): Request a certificate for the unit.
        Each unit manages its private key, certificate signing request and certificate.
    APP: Request a certificate for the application.
        Only the leader unit manages the private key, certificate signing request and certificate.
    APP_AND_UNIT: Request certificates for the application and the unit.
        Each unit has its own private key and certificate, and the application has a private key
        and certificate that its units share.
    """

    UNIT = 1
    APP = 2
    APP_AND_UNIT = 3


class CertificateRequestErrorCode(int, enum.Enum):
    """Error codes for failed certificate requests.

    1XX: errors of the request itself; 2XX: errors of the server; 9XX: other errors.
    """

    IP_NOT_ALLOWED = 101
    DOMAIN_NOT_ALLOWED = 102
    WILDCARD_NOT_ALLOWED = 103
    SERVER_NOT_AVAILABLE = 201
    OTHER = 999


class CertificateInvalidationReason(str, enum.Enum):
    """Why a certificate that was assigned may be used no more."""

    REVOKED = "revoked"
    EXPIRED = "expired"


def _encodable(text: str) -> str:
    # JSON can hold half of a surrogate pair, which can be written nowhere else.
    text.encode()
    return text


_Text = Annotated[str, pydantic.AfterValidator(_encodable)]


_FROZEN = pydantic.ConfigDict(frozen=True, defer_build=True)
"""Built when first used: few hooks meet an error or a provider's capabilities."""


class CertificateError(pydantic.BaseModel):
    """Error object reported by the provider for a CSR."""

    model_config = _FROZEN

    code: int
    """One of :class:`CertificateRequestErrorCode`, or what another provider made up."""
    name: _Text
    """The code's name, as in ``ip_not_allowed``."""
    message: _Text
    """What happened, for people."""
    reason: _Text | None = None
    """Why, for people."""
    provider: _Text | None = None
    """Who refused, as in the name of the CA."""
    endpoint: _Text | None = None
    """Where it was refused, as in the URL of a server."""


class ProviderCapabilities(pydantic.BaseModel):
    """What a provider says that it can do; None is 'not said'."""

    model_config = _FROZEN

    supports_ip_sans: bool | None = None
    """Whether certificates may have IP addresses."""
    supports_wildcard_dns: bool | None = None
    """Whether certificates may have wildcard DNS names."""
    supports_subdomain: bool | None = None
    """Whether certificates may have names below the allowed domains."""
    supports_ca_certificates: bool | None = None
    """Whether requests for a CA certificate are granted."""
    allowed_domains: list[_Text] | None = None
    """The domains that certificates may name."""
    provider_type: _Text | None = None
    """What kind of provider it is, as in ``self-signed``."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


@dataclass(frozen=True)
class RequirerCertificateRequest:
    """A certificate signing request of one requirer."""

    relation_id: int
    """The relation that it came over."""
    certificate_signing_request: _x509.CertificateSigningRequest
    """The request."""
    is_ca: bool
    """Whether a CA certificate is asked for."""
    requirer: str | None = field(default=None, compare=False)
    """Whose databag it stands in: a unit's name or an application's, as this model calls it.

    No part of equality: the same request may stand in the databags of two units.
    """

    @functools.cached_property
    def attributes(self) -> _attributes.CertificateRequestAttributes:
        """What the request asks for.

        Raises:
            TLSCertificatesError: If it has no name that the attributes know.
        """
        return _attributes.CertificateRequestAttributes.from_csr(
            self.certificate_signing_request, self.is_ca
        )


@dataclass(frozen=True)
class ProviderCertificate:
    """A certificate provided by the TLS provider, as the answer to a request."""

    relation_id: int
    """The relation that it goes over."""
    certificate: _x509.Certificate
    """The certificate."""
    certificate_signing_request: _x509.CertificateSigningRequest
    """The request that it answers."""
    ca: _x509.Certificate
    """The certificate authority's certificate."""
    chain: list[_x509.Certificate]
    """Leaf, intermediates, root; what another provider sent is kept in its order."""
    revoked: bool | None = None
    """Whether the provider has revoked it."""

    def verified_chain(self) -> tuple[_x509.Certificate, ...]:
        """Return the chain, leaf first, each certificate signed by the next.

        It ends with a self-signed certificate, or with the CA where the provider sent nothing
        above it.

        Raises:
            TLSCertificatesError: If there is no such chain: the message names the missing or
                wrong link.
        """
        return _chains.verified_chain(self.certificate, self.ca, self.chain)

    def chain_as_pem(self) -> str:
        """Return the chain as one PEM text, in the order in which it was sent."""
        return chain_as_pem(self.chain)

    def to_json(self) -> str:
        """Return the object as a JSON string.

        Returns:
            A JSON object with ``csr``, ``certificate`` and ``ca`` in PEM, ``chain`` as a list of
            PEM, and ``revoked``.
        """
        return json.dumps(
            {
                "csr": self.certificate_signing_request.raw,
                "certificate": self.certificate.raw,
                "ca": self.ca.raw,
                "chain": [certificate.raw for certificate in self.chain],
                "revoked": self.revoked,
            }
        )

    # The chain is a list, as published; the rest says enough to tell values apart.
    def __hash__(self) -> int:
        return hash(
            (
                self.relation_id,
                self.certificate,
                self.certificate_signing_request,
                self.ca,
                self.revoked,
            )
        )


@dataclass(frozen=True)
class ProviderCertificateError:
    """A failed issuance for a CSR, reported by the TLS provider."""

    relation_id: int
    """The relation that it goes over."""
    certificate_signing_request: _x509.CertificateSigningRequest
    """The request that was refused."""
    error: CertificateError
    """Why."""


@dataclass(frozen=True)
class Exchange:
    """A request and what stands as its answer, as their texts: nothing of it was parsed.

    Enough for a provider to see what has its answer already, at the cost of no cryptography.
    """

    relation_id: int
    """The relation that it goes over."""
    csr: str
    """The request, in PEM, as its sender wrote it: it may be forged, or no request at all."""
    is_ca: bool
    """Whether a CA certificate is asked for."""
    requirer: str
    """Whose databag it stands in: a unit's name or an application's, as this model calls it."""
    certificate: str | None = None
    """The certificate that answers it, in PEM; None if there is none, or an error alone."""
    revoked: bool = False
    """Whether that certificate is marked as revoked."""
    error: CertificateError | None = None
    """Why it was refused, if it was."""


@dataclass(frozen=True)
class AssignedCertificates:
    """Certificates of one owner and the key that fits every one of them."""

    certificates: tuple[ProviderCertificate, ...]
    """In the order of the requests."""
    private_key: _keys.PrivateKey | None
    """None if there is no key yet, or it is not ours to read."""


def chain_as_pem(chain: Sequence[_x509.Certificate]) -> str:
    """Return certificates as one PEM text, separated by an empty line."""
    return "\n\n".join(certificate.raw for certificate in chain)
