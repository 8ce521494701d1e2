"""Certificates as people and programs read them: a pure function of a pair."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from demo_requirer.pairs import Pair, bundle, serial_hex

if TYPE_CHECKING:
    import datetime


@dataclasses.dataclass(frozen=True)
class Link:
    """One certificate of a chain."""

    role: str
    """`leaf`, `intermediate` or `root`."""
    name: str
    """Its common name, or its whole subject where it has none."""
    subject: str
    """RFC 4514 text."""
    issuer: str
    """RFC 4514 text."""
    serial_number: str
    """Upper-case hexadecimal, as `openssl x509 -serial` and Python's `getpeercert` write it."""
    sha256_fingerprint: str
    """Of the DER, in lower-case hexadecimal."""
    public_key: str
    """Such as `RSA 2048` or `ECDSA P-256`."""
    not_before: datetime.datetime
    not_after: datetime.datetime
    presented: bool
    """Whether it goes over the wire; a root does not."""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A served certificate, with its chain."""

    slot: str
    common_name: str
    names: tuple[tuple[str, str], ...]
    """The subject alternative names: kind (`DNS`, `IP`, …) and value."""
    renewal_time: datetime.datetime | None
    chain: tuple[Link, ...]
    """The leaf first."""

    @property
    def leaf(self) -> Link:
        """The certificate itself."""
        return self.chain[0]

    @property
    def issuer_name(self) -> str:
        """Who signed it, in a word: the common name of the issuer, or all of it."""
        return self.chain[1].name if len(self.chain) > 1 else self.leaf.issuer

    @property
    def renewal_share(self) -> float | None:
        """Where in the lifetime the renewal is: 0 at its beginning, 1 at its end."""
        return None if self.renewal_time is None else self.share(self.renewal_time)

    def share(self, moment: datetime.datetime) -> float:
        """Return where *moment* is in the lifetime, from 0 (or before) to 1 (or after)."""
        lifetime = self.leaf.not_after - self.leaf.not_before
        passed = moment - self.leaf.not_before
        return min(max(passed / lifetime, 0.0), 1.0) if lifetime else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON for programs: the leaf's own facts first, then its chain."""
        return {
            **_link_to_json(self.leaf),
            "slot": self.slot,
            "common_name": self.common_name,
            "names": [{"kind": kind, "value": value} for kind, value in self.names],
            "renewal_time": self.renewal_time and self.renewal_time.isoformat(),
            "chain": [_link_to_json(link) for link in self.chain],
        }


def certificate(pair: Pair) -> Certificate:
    """Describe what *pair* presents."""
    chain = x509.load_pem_x509_certificates(bundle(pair.chain).encode())
    return Certificate(
        slot=pair.slot,
        common_name=pair.common_name,
        names=_names(chain[0]),
        renewal_time=pair.renewal_time,
        chain=tuple(_link(position, chain, pair) for position in range(len(chain))),
    )


def _link(position: int, chain: list[x509.Certificate], pair: Pair) -> Link:
    certificate = chain[position]
    is_root = pair.ends_in_root and position == len(chain) - 1
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    subject = _text(certificate.subject)
    return Link(
        role="leaf" if position == 0 else "root" if is_root else "intermediate",
        name=str(names[0].value) if names else subject or "(no name)",
        subject=subject,
        issuer=_text(certificate.issuer),
        serial_number=serial_hex(certificate.serial_number),
        sha256_fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        public_key=_public_key(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        presented=position == 0 or not is_root,
    )


def _text(name: x509.Name) -> str:
    """Write a name as RFC 4514 does, with the one attribute that requirers add as a word."""
    return name.rfc4514_string({x509.NameOID.X500_UNIQUE_IDENTIFIER: "x500UniqueIdentifier"})


def _link_to_json(link: Link) -> dict[str, Any]:
    return {
        **dataclasses.asdict(link),
        "not_before": link.not_before.isoformat(),
        "not_after": link.not_after.isoformat(),
    }


_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def _public_key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _names(certificate: x509.Certificate) -> tuple[tuple[str, str], ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(_name(name) for name in names)


def _name(name: x509.GeneralName) -> tuple[str, str]:
    match name:
        case x509.DNSName():
            return "DNS", name.value
        case x509.IPAddress():
            return "IP", str(name.value)
        case x509.RFC822Name():
            return "email", name.value
        case x509.UniformResourceIdentifier():
            return "URI", name.value
        case x509.RegisteredID():
            return "OID", name.value.dotted_string
        case _:
            return type(name).__name__, str(name.value)
