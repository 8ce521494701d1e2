"""A certificate's chain and the private key that fits it: what a TLS server presents."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence


class UnusablePairError(Exception):
    """A chain and a key that no server should present; the text says why, without the key."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """A chain and its private key, which are known to fit.

    Made by `make_pair`, which checks; whether the dates are right depends on the clock, so that
    is asked of `date_problem` when the pair is used.
    """

    slot: str
    """What this pair is for, such as `unit demo-requirer-0`: its successor has the same slot."""
    chain: tuple[str, ...]
    """PEM, leaf first, each signed by the next; the root is last, where it was sent."""
    private_key: str = dataclasses.field(repr=False)
    """PEM."""
    common_name: str
    """Of the leaf's subject; empty where it has none."""
    dns_names: tuple[str, ...]
    """The leaf's DNS names (RFC 5280, section 4.2.1.6), lower case, as A-labels."""
    serial_number: int
    """Of the leaf."""
    fingerprint: str
    """SHA-256 of the leaf's DER, in lower-case hexadecimal."""
    public_key_fingerprint: str
    """SHA-256 of the leaf's SubjectPublicKeyInfo: two leaves of one key have the same."""
    issuer: str
    """Who signed the leaf, as RFC 4514 text."""
    not_before: datetime.datetime
    """Aware UTC, inclusive."""
    not_after: datetime.datetime
    """Aware UTC, inclusive (RFC 5280, section 4.1.2.5)."""
    ends_in_root: bool
    """Whether the last of the chain is self-issued: clients hold roots, so it is not presented."""
    renewal_time: datetime.datetime | None = None
    """When its owner means to renew it; None where another unit sees to that."""

    @property
    def presented(self) -> str:
        """The leaf and its intermediates as one PEM text: what goes over the wire."""
        chain = self.chain[:-1] if self.ends_in_root and len(self.chain) > 1 else self.chain
        return bundle(chain)

    def date_problem(self, now: datetime.datetime) -> str | None:
        """Say why *now* is no time to present this pair, or None."""
        if now < self.not_before:
            return f"not valid before {self.not_before:%Y-%m-%d %H:%M:%S} UTC"
        if now > self.not_after:
            return f"expired at {self.not_after:%Y-%m-%d %H:%M:%S} UTC"
        return None


def make_pair(
    slot: str,
    chain: Sequence[str],
    private_key: str,
    renewal_time: datetime.datetime | None = None,
) -> Pair:
    """Check that a chain and a key belong together, and return them as a pair.

    Args:
        slot: What the pair is for.
        chain: PEM certificates, leaf first; the root may be there or not.
        private_key: PEM, not encrypted.
        renewal_time: When the leaf is to be renewed.

    Raises:
        UnusablePairError: Not PEM, an incomplete or misordered chain, or a key of another
        certificate.
    """
    certificates = [_certificate(position, pem) for position, pem in enumerate(chain)]
    if not certificates:
        raise UnusablePairError("the chain is empty")
    leaf = certificates[0]
    for position, (signed, signer) in enumerate(itertools.pairwise(certificates)):
        _check_signed_by(position, signed, signer)
    if _key_spki(private_key) != _spki(leaf):
        raise UnusablePairError(
            f"the private key does not fit the certificate ({leaf.subject.rfc4514_string()})"
        )
    last = certificates[-1]
    return Pair(
        slot=slot,
        chain=tuple(pem.strip() for pem in chain),
        private_key=private_key.strip(),
        common_name=_common_name(leaf),
        dns_names=_dns_names(leaf),
        serial_number=leaf.serial_number,
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        public_key_fingerprint=_sha256(_spki(leaf)),
        issuer=leaf.issuer.rfc4514_string(),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        ends_in_root=last.issuer == last.subject,
        renewal_time=renewal_time,
    )


def serial_hex(number: int) -> str:
    """Write a serial number as `openssl x509 -serial` does: whole bytes in upper-case hex."""
    text = f"{number:X}"
    return text.zfill(len(text) + len(text) % 2)


def trusted_by(pair: Pair, trusted: Iterable[str]) -> bool:
    """Say whether the chain of *pair* leads to one of the *trusted* CA certificates (PEM).

    It does when one of its certificates is a trusted one, or its last is signed by one.
    """
    chain = x509.load_pem_x509_certificates(bundle(pair.chain).encode())
    for pem in trusted:
        authority = x509.load_pem_x509_certificate(pem.encode())
        if authority in chain or _is_signed_by(chain[-1], authority):
            return True
    return False


def certificates_in(texts: Iterable[str]) -> tuple[str, ...]:
    """Return each certificate of PEM texts once, as one text each; what is none is passed over."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            certificates = x509.load_pem_x509_certificates(text.encode())
            for certificate in certificates:
                _read_all(certificate)
        # Not ValueError alone: what the parser raises has no common base.
        except Exception:  # noqa: BLE001, S112 - as the docstring says.
            continue
        for certificate in certificates:
            found[certificate.public_bytes(serialization.Encoding.PEM).decode().strip()] = None
    return tuple(found)


def bundle(pems: Iterable[str]) -> str:
    """Join PEM texts into one file's text."""
    return "".join(f"{pem.strip()}\n" for pem in pems)


def _certificate(position: int, pem: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        _read_all(certificate)
    # As in `certificates_in`; and without the cause, as in `_key_spki`.
    except Exception:  # noqa: BLE001 - as there.
        raise UnusablePairError(f"number {position} of the chain is no PEM certificate") from None
    return certificate


def _read_all(certificate: x509.Certificate) -> None:
    """Read what ``cryptography`` reads when it is asked for, so that it fails here or never."""
    _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key()
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _check_signed_by(position: int, signed: x509.Certificate, signer: x509.Certificate) -> None:
    if not _is_signed_by(signed, signer):
        raise UnusablePairError(
            f"number {position} of the chain ({signed.subject.rfc4514_string()}) "
            f"is not signed by number {position + 1} ({signer.subject.rfc4514_string()})"
        )


def _is_signed_by(signed: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        signed.verify_directly_issued_by(signer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


@functools.lru_cache(maxsize=2)
def _key_spki(private_key: str) -> bytes:
    """Return the public half of a key that is sound.

    To check that the numbers of an RSA key of 4096 bits fit together takes a quarter of a second,
    and a hundred pairs may have one key: the last two, a unit's and an application's, are kept.
    """
    try:
        key = serialization.load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without the cause: its text may quote what it could not read.
        raise UnusablePairError("the private key is not an unencrypted PEM key") from None
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _sha256(data: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize().hex()


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(name.lower() for name in names.get_values_for_type(x509.DNSName))
