"""A CA that the operator brings in a user secret: checked before anything relies on it."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from charmlibs.interfaces.tls_certificates import Certificate, PrivateKey, TLSCertificatesError

from .constraints import constraints_of
from .origin import path_length

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Mapping

# Nothing of a certificate has a hyphen: so text that only begins thousands of them is read once.
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")


class WrongCA(ValueError):  # noqa: N818 - it reads as what it is where it is caught
    """What the operator brought cannot issue certificates. The text says why, without the key."""


@dataclasses.dataclass(frozen=True)
class GivenCA:
    """A CA that has a key which fits it, and a chain that leads to a root."""

    certificate: Certificate
    chain: tuple[Certificate, ...]
    """From its issuer to the root; empty for a root."""
    key: PrivateKey = dataclasses.field(repr=False)

    def warnings(self) -> Iterator[str]:
        """Yield what this CA cannot be used for."""
        for link in (self.certificate, *self.chain):
            purposes = _purposes(link)
            if purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
                yield (
                    f"{link.subject_rfc4514} is for servers: certificates under it do not "
                    "authenticate clients"
                )
            if constraints_of([link]):
                yield (
                    f"{link.subject_rfc4514} has name constraints: requests for names outside of "
                    "them are denied"
                )


def read(content: Mapping[str, str], now: datetime.datetime) -> GivenCA:
    """Read the CA in the *content* of a secret.

    Args:
        content: `certificate` and `private-key` in PEM; for an intermediate, `chain` has the
            certificates above it, issuer first and root last, one after the other.
        now: Aware.

    Raises:
        WrongCA: If it is not one that can issue now, with the reason.
    """
    missing = [key for key in ("certificate", "private-key") if not content.get(key)]
    if missing:
        raise WrongCA(f"has no {' and no '.join(missing)}; it needs certificate and private-key")
    certificate = _certificate(content["certificate"], "certificate")
    try:
        key = PrivateKey.from_string(content["private-key"])
    except TLSCertificatesError as error:
        raise WrongCA("has a private-key that is no unencrypted key in PEM") from error
    above = [_certificate(pem, "chain") for pem in _PEM.findall(content.get("chain", ""))]
    if content.get("chain", "").strip() and not above:
        raise WrongCA("has a chain that is no certificate in PEM")
    chain = tuple(other for other in dict.fromkeys(above) if other != certificate)
    for reason in _reasons(certificate, chain, key, now):
        raise WrongCA(reason)
    return GivenCA(certificate, chain, key)


def _reasons(
    certificate: Certificate,
    chain: tuple[Certificate, ...],
    key: PrivateKey,
    now: datetime.datetime,
) -> Iterator[str]:
    """Every reason why this CA cannot issue."""
    if not key.is_valid():
        yield "has a private-key that is too weak; it must be RSA of 2048 bits or more, or ECDSA"
    if not certificate.matches_private_key(key):
        yield "has a private-key that does not belong to its certificate"
    links = (certificate, *chain)
    for below, link in enumerate(links):
        yield from _flaws(link, below, now)
    if not _usage(certificate).crl_sign:
        yield f"has {certificate.subject_rfc4514}, whose key usage lacks cRLSign"
    issuers = (*chain, links[-1])  # The last one, a root, signed itself.
    for link, issuer in zip(links, issuers, strict=True):
        if not link.is_signed_by(issuer):
            yield (
                f"has {link.subject_rfc4514}, which {issuer.subject_rfc4514} did not sign; "
                "chain must go from its issuer to a self-signed root"
            )


def _flaws(link: Certificate, below: int, now: datetime.datetime) -> Iterator[str]:
    """Every reason why one CA of the chain, with *below* CAs under it, cannot stand there."""
    if not link.subject_rfc4514:
        yield "has a certificate with an empty subject, which nothing can name as its issuer"
    if not link.is_ca:
        yield f"has {link.subject_rfc4514}, which is not a CA"
    if not _usage(link).key_cert_sign:
        yield f"has {link.subject_rfc4514}, whose key usage lacks keyCertSign"
    purposes = _purposes(link)
    if purposes is not None and ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        yield f"has {link.subject_rfc4514}, whose extended key usage lacks serverAuth"
    most = path_length(link)
    if most is not None and below > most:
        yield f"has {link.subject_rfc4514}, which allows {most} CAs under it: there are {below}"
    if not link.validity_start_time <= now < link.expiry_time:
        dates = f"{link.validity_start_time:%Y-%m-%d} to {link.expiry_time:%Y-%m-%d}"
        yield f"has {link.subject_rfc4514}, which is valid from {dates} only"


class _Usage(NamedTuple):
    """What of a CA's key usage counts here (RFC 5280, section 4.2.1.3)."""

    key_cert_sign: bool = True
    crl_sign: bool = True


def _usage(certificate: Certificate) -> _Usage:
    """Return what a key may be used for: for anything, if nothing is said of it."""
    try:
        usage = certificate.x509_object.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return _Usage()
    return _Usage(usage.key_cert_sign, usage.crl_sign)


def _purposes(certificate: Certificate) -> frozenset[x509.ObjectIdentifier] | None:
    """Return what certificates below may be used for; `None` if nothing is said of it.

    RFC 5280 has extended key usage for leaves, but verifiers hold what is below a CA to its own.
    """
    try:
        usage = certificate.x509_object.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return None
    purposes = frozenset(usage.value)
    return None if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes else purposes


def _certificate(pem: str, where: str) -> Certificate:
    try:
        return Certificate.from_string(pem)
    except TLSCertificatesError as error:
        raise WrongCA(f"has a {where} that is no certificate in PEM") from error
