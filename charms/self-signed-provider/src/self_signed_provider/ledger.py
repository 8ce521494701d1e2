"""What was issued, and what became of it: the authority's memory, as values and pure functions.

A databag forgets (a renewed or a departed certificate is gone from it), and a unit's own storage
dies with the leader; so what a CRL and a revocation need is kept here.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Collection, Iterable, Iterator

    from charmlibs.interfaces.tls_certificates import Certificate


class Revocation(enum.Enum):
    """Why a certificate was revoked (RFC 5280, section 5.3.1)."""

    OPERATOR = "privilege-withdrawn"
    """An operator revoked it: its key is refused from then on."""
    DEPARTED = "cessation-of-operation"
    """The unit or the relation that held it is gone."""
    CA_COMPROMISED = "ca-compromise"
    """The key that signed it is no longer trusted; the requirer's own key is not to blame."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One certificate that was issued."""

    serial: int
    relation_id: int
    requirer: str
    """The unit or application that asked for it, as it is called in this model."""
    names: tuple[str, ...]
    """Common name first, then subject alternative names."""
    key_sha256: str
    """Hex, over the SubjectPublicKeyInfo in DER."""
    authority: str
    """The id of the CA that signed it."""
    not_after: datetime.datetime
    fingerprint: str
    """Hex of SHA-256 over the certificate in DER, by which it is known where it stands; empty in
    what a version wrote that did not keep it."""
    revoked_at: datetime.datetime | None = None
    reason: Revocation | None = None

    @property
    def serial_hex(self) -> str:
        """The serial number as `openssl x509 -serial` prints it: in whole bytes."""
        text = f"{self.serial:X}"
        return text.zfill(len(text) + len(text) % 2)


@dataclasses.dataclass(frozen=True)
class Ledger:
    """All certificates that were issued, by serial number, until they have expired and stand in no
    relation any more.
    """

    entries: dict[int, Entry] = dataclasses.field(default_factory=dict[int, Entry])
    refused_keys: frozenset[str] = frozenset()
    """Keys whose certificates an operator revoked, as `Entry.key_sha256` has them. They are
    refused for ever, and so outlive their entries."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def add(self, entries: Iterable[Entry]) -> Ledger:
        """Return the ledger with *entries*, in place of any that have their serial numbers."""
        return dataclasses.replace(
            self, entries=self.entries | {entry.serial: entry for entry in entries}
        )

    def by_fingerprint(self) -> dict[str, Entry]:
        """Return the certificates by what tells them apart where they stand."""
        return {entry.fingerprint: entry for entry in self if entry.fingerprint}

    def living(self, now: datetime.datetime) -> list[Entry]:
        """Return what has not expired yet."""
        return [entry for entry in self if entry.not_after >= now]

    def prune(self, now: datetime.datetime, standing: Collection[str] = ()) -> Ledger:
        """Return the ledger without what has expired, of which a CRL need not speak any more.

        What stands in a relation is kept, for a look at that to find it: its fingerprint is among
        *standing*.
        """
        kept = {
            serial: entry
            for serial, entry in self.entries.items()
            if entry.not_after >= now or entry.fingerprint in standing
        }
        if len(kept) == len(self.entries):
            return self
        return dataclasses.replace(self, entries=kept)

    def revoke(
        self, which: Callable[[Entry], bool], reason: Revocation, now: datetime.datetime
    ) -> Ledger:
        """Return the ledger with the certificates that *which* picks revoked, once and for all."""
        revoked = [
            dataclasses.replace(entry, revoked_at=now.replace(microsecond=0), reason=reason)
            for entry in self
            if entry.revoked_at is None and which(entry)
        ]
        if not revoked:
            return self
        refused = self.refused_keys
        if reason is Revocation.OPERATOR:
            refused |= {entry.key_sha256 for entry in revoked}
        return dataclasses.replace(self, refused_keys=refused).add(revoked)

    def lives_under(self, authority: str, now: datetime.datetime) -> bool:
        """Return whether a certificate that *authority* issued has not expired yet."""
        return any(entry.authority == authority for entry in self.living(now))

    def revoked_under(self, authority: str) -> list[Entry]:
        """Return what stands in the CRL of *authority*, in the order of revocation."""
        revoked = (e for e in self if e.authority == authority and e.revoked_at is not None)
        return sorted(revoked, key=lambda entry: (entry.revoked_at, entry.serial))


@dataclasses.dataclass(frozen=True)
class Departures:
    """Who is known to have gone: by a hook that said so, or because all who are left are known."""

    units: frozenset[tuple[int, str]] = frozenset()
    """The id of a relation, and the name of a unit that left it."""
    relations: frozenset[int] = frozenset()
    """Relations that are gone."""
    present: frozenset[tuple[int, str]] | None = None
    """Everyone who is there: whoever is not among these has gone. `None` if that is not known."""

    def include(self, entry: Entry) -> bool:
        """Return whether the holder of *entry* has gone."""
        holder = (entry.relation_id, entry.requirer)
        if entry.relation_id in self.relations or holder in self.units:
            return True
        return self.present is not None and holder not in self.present


def entry_for(
    certificate: Certificate, *, relation_id: int, requirer: str, authority: str
) -> Entry:
    """Return what the ledger keeps of a *certificate*."""
    alternative = sorted({*(certificate.sans_dns or ()), *(certificate.sans_ip or ())})
    names = [certificate.common_name, *alternative]
    return Entry(
        serial=certificate.serial_number,
        relation_id=relation_id,
        requirer=requirer,
        names=tuple(dict.fromkeys(name for name in names if name)),
        key_sha256=certificate.public_key_sha256,
        authority=authority,
        not_after=certificate.expiry_time,
        fingerprint=certificate.sha256_fingerprint,
    )


def fingerprint_of(pem: str) -> str:
    """Return the `Entry.fingerprint` of a certificate without parsing it; empty if it is none."""
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except ValueError:
        return ""


def restored(
    ledger: Ledger, standing: Iterable[tuple[Entry, bool]], now: datetime.datetime
) -> Ledger:
    """Return the ledger with every certificate that stands in a relation.

    It lacks one only after damage, and then the relation is the better witness: also of a
    revocation, for only an operator's leaves a mark there.

    Args:
        ledger: What could be read.
        standing: What the relations hold, each with whether it is marked as revoked.
        now: Aware.
    """
    found: list[Entry] = []
    revoked: set[int] = set()
    for entry, is_marked in standing:
        known = ledger.entries.get(entry.serial)
        if known is None:
            found.append(entry)
            revoked |= {entry.serial} if is_marked else set()
        elif known.fingerprint != entry.fingerprint:
            found.append(dataclasses.replace(known, fingerprint=entry.fingerprint))
    if not found:
        return ledger
    return ledger.add(found).revoke(lambda e: e.serial in revoked, Revocation.OPERATOR, now)


def revoke_departed(ledger: Ledger, gone: Departures, now: datetime.datetime) -> Ledger:
    """Revoke what is held by requirers that are gone."""
    return ledger.revoke(gone.include, Revocation.DEPARTED, now)
