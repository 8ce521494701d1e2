"""What was issued, and what became of it: the authority's memory, as values and pure functions.

A databag forgets (a renewed or a departed certificate is gone from it), and a unit's own storage
dies with the leader; so what a CRL and a revocation need is kept here.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable, Iterator

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
    revoked_at: datetime.datetime | None = None
    reason: Revocation | None = None

    @property
    def serial_hex(self) -> str:
        """The serial number as tools print it."""
        return f"{self.serial:X}"


@dataclasses.dataclass(frozen=True)
class Ledger:
    """All certificates that were issued and have not expired yet, by serial number."""

    entries: dict[int, Entry] = dataclasses.field(default_factory=dict[int, Entry])

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def add(self, entries: Iterable[Entry]) -> Ledger:
        """Return the ledger with *entries*, in place of any that have their serial numbers."""
        return Ledger(self.entries | {entry.serial: entry for entry in entries})

    def prune(self, now: datetime.datetime) -> Ledger:
        """Return the ledger without what has expired, of which a CRL need not speak any more."""
        kept = {serial: entry for serial, entry in self.entries.items() if entry.not_after >= now}
        return self if len(kept) == len(self.entries) else Ledger(kept)

    def revoke(
        self, which: Callable[[Entry], bool], reason: Revocation, now: datetime.datetime
    ) -> Ledger:
        """Return the ledger with the certificates that *which* picks revoked, once and for all."""
        revoked = [
            dataclasses.replace(entry, revoked_at=now.replace(microsecond=0), reason=reason)
            for entry in self
            if entry.revoked_at is None and which(entry)
        ]
        return self.add(revoked) if revoked else self

    def refused_keys(self) -> frozenset[str]:
        """Return the keys that nothing is issued for any more, as `Entry.key_sha256` has them."""
        return frozenset(entry.key_sha256 for entry in self if entry.reason is Revocation.OPERATOR)

    def revoked_serials(self) -> frozenset[int]:
        """Return the serial numbers of the certificates that an operator revoked."""
        return frozenset(entry.serial for entry in self if entry.reason is Revocation.OPERATOR)

    def last_expiry(self, authority: str) -> datetime.datetime | None:
        """Return when the last certificate expires that *authority* issued, if any lives."""
        return max((e.not_after for e in self if e.authority == authority), default=None)

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
    )


def revoke_departed(ledger: Ledger, gone: Departures, now: datetime.datetime) -> Ledger:
    """Revoke what is held by requirers that are gone."""
    return ledger.revoke(gone.include, Revocation.DEPARTED, now)
