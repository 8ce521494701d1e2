"""What PEM texts say, without what is drawn at random: whose key, which names, who issued them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from .nodes import Thing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """One PEM text, read. There is one of it for each text."""

    thing: Thing
    aliases: tuple[str, ...]
    about: Mapping[str, Any]
    keys: tuple[tuple[str, str], ...] = ()
    """A public key's SHA-256, and its identifier in certificates."""


def short(word: str) -> str:
    """Return a digest or a serial number, in hex, as things have it for their id."""
    return word.lower().lstrip("0")


@functools.lru_cache(maxsize=100_000)
def parsed(pem: str) -> Found:
    """Return what a PEM text says; it is parsed once."""
    kind = pem.partition("-----BEGIN ")[2].partition("-----")[0]
    if kind == "CERTIFICATE":
        return _certificate(pem, x509.load_pem_x509_certificate(pem.encode()))
    if kind == "CERTIFICATE REQUEST":
        return _request(pem, x509.load_pem_x509_csr(pem.encode()))
    if kind == "X509 CRL":
        return _list(pem, x509.load_pem_x509_crl(pem.encode()))
    if kind.endswith("PRIVATE KEY"):
        key = serialization.load_pem_private_key(pem.encode(), None).public_key()
        name, identifier = _key(key)
        thing = Thing("private key", name + " private")
        return Found(thing, (), {"of": name}, ((name, identifier),))
    raise ValueError(f"a PEM text of a kind that is not known here: {kind}")


def _certificate(pem: str, certificate: x509.Certificate) -> Found:
    name, identifier = _key(certificate.public_key())
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    extensions = certificate.extensions
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = f"{certificate.serial_number:x}"
    is_ca = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    about = {
        "subject": _subject(certificate.subject),
        "names": _alternatives(extensions),
        "is-ca": is_ca,
        "key": name,
        "issuer": _subject(certificate.issuer),
        # Of an authority of its own making it may be left out.
        "signed-by": issuer.hex() if issuer else "",
        "from": certificate.not_valid_before_utc.isoformat(),
        "until": certificate.not_valid_after_utc.isoformat(),
    }
    aliases = (short(serial), *_digests(pem), short(fingerprint), short(fingerprint[:16]))
    return Found(Thing("certificate", fingerprint), aliases, about, ((name, identifier),))


def _request(pem: str, request: x509.CertificateSigningRequest) -> Found:
    name, identifier = _key(request.public_key())
    about = {
        "subject": _subject(request.subject),
        "names": _alternatives(request.extensions),
        "key": name,
    }
    aliases = _digests(pem)
    return Found(Thing("request", aliases[0]), aliases, about, ((name, identifier),))


def _list(pem: str, revoked: x509.CertificateRevocationList) -> Found:
    signer = revoked.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    about = {
        "signed-by": (signer.key_identifier or b"").hex(),
        "revoked": [f"{entry.serial_number:x}" for entry in revoked],
        "from": revoked.last_update_utc.isoformat(),
    }
    return Found(Thing("revocation list", _digests(pem)[0]), (), about)


def _key(key: PublicKeyTypes) -> tuple[str, str]:
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)  # pyright: ignore[reportArgumentType] - of those that certificates have
    return short(hashlib.sha256(der).hexdigest()), short(identifier.digest.hex())


def _digests(pem: str) -> tuple[str, ...]:
    texts = (pem, f"{pem}\n")
    return tuple(short(hashlib.sha256(text.encode()).hexdigest()) for text in texts)


def _subject(name: x509.Name) -> str:
    random = x509.NameOID.X500_UNIQUE_IDENTIFIER
    return x509.Name([one for one in name if one.oid != random]).rfc4514_string()


def _alternatives(extensions: x509.Extensions) -> list[str]:
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in found]
