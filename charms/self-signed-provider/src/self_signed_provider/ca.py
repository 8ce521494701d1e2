"""What becomes of the certificate authorities: keep, create, publish, switch, retire.

A rotation has phases, so that no client meets a certificate whose CA it has not been told of: a
new CA is *published* in the trust bundle beside the one in use; after the overlap it becomes
*active*, and every certificate is issued again under it; the *outgoing* one stays in the bundle
until the last certificate that it ever issued has expired.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import TYPE_CHECKING

from .origin import Brought, Made

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from charmlibs.interfaces.tls_certificates import Certificate

    from .origin import Origin

_SECOND = datetime.timedelta(seconds=1)


class Phase(enum.Enum):
    """Where a CA is in its life."""

    PUBLISHED = "published"
    ACTIVE = "active"
    OUTGOING = "outgoing"


@dataclasses.dataclass(frozen=True)
class Authority:
    """A CA, without its key."""

    certificate: Certificate
    chain: tuple[Certificate, ...]
    """What stands above it, up to the root; empty for a root."""
    origin: Origin
    """What it was made from: as long as that is what the operator wants, it is kept."""
    phase: Phase
    since: datetime.datetime
    """When it came into its phase."""
    issued_until: datetime.datetime | None = None
    """When the last of all certificates expires that it issued; `None` if it issued none. It
    stands here and not in the ledger alone, so that no damage there retires a CA too early."""

    @property
    def id(self) -> str:
        """A name for it that needs no parsing: the start of its fingerprint."""
        return authority_id(self.certificate)

    @property
    def anchor(self) -> Certificate:
        """The root that a client has to trust."""
        return self.chain[-1] if self.chain else self.certificate

    def has_expired(self, now: datetime.datetime) -> bool:
        """Return whether it can issue nothing that is valid any more."""
        return self.certificate.expiry_time <= now

    def having_issued(self, certificates: Iterable[Certificate]) -> Authority:
        """Return the authority as it is after it has issued *certificates*."""
        ends = [certificate.expiry_time for certificate in certificates]
        ends += [self.issued_until] if self.issued_until else []
        return dataclasses.replace(self, issued_until=max(ends, default=None))


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do with the authorities now."""

    keep: tuple[Authority, ...] = ()
    """The ones that stay, with the phase they have from now on."""
    create: Phase | None = None
    """Make a CA of what is wanted, in this phase."""
    remove: tuple[Authority, ...] = ()
    reasons: tuple[str, ...] = ()
    """A line for the log for each change."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long things take, as the operator set it."""

    overlap: datetime.timedelta
    certificate_validity: datetime.timedelta


def authority_id(certificate: Certificate) -> str:
    """Return the name that the ledger and the vault have for a CA."""
    return certificate.sha256_fingerprint[:16]


def plan(
    authorities: Sequence[Authority],
    wanted: Origin | None,
    timing: Timing,
    now: datetime.datetime,
) -> Plan:
    """Decide what becomes of each authority.

    Args:
        authorities: All there are.
        wanted: The origin of the CA that the operator wants now; `None` if that cannot be had, in
            which case nothing new is begun.
        timing: The operator's lengths of time.
        now: Aware.
    """
    turn = _Turn(
        active=in_use(authorities),
        waiting=next((a for a in authorities if a.phase is Phase.PUBLISHED), None),
        outgoing=[a for a in authorities if a.phase is Phase.OUTGOING],
    )
    turn.expire(wanted, now)
    turn.drop_unwanted(wanted, timing, now)
    turn.bring_back(wanted, now)
    turn.switch(timing, now)
    make = turn.needs(wanted, timing, now)
    turn.retire(now)
    return Plan(turn.left(), make, tuple(turn.remove), tuple(turn.reasons))


@dataclasses.dataclass
class _Turn:
    """The authorities in the course of one `plan`, and the steps of it."""

    active: Authority | None
    waiting: Authority | None
    outgoing: list[Authority]
    remove: list[Authority] = dataclasses.field(default_factory=list["Authority"])
    reasons: list[str] = dataclasses.field(default_factory=list[str])

    def expire(self, wanted: Origin | None, now: datetime.datetime) -> None:
        """There is nothing to overlap with: whoever trusted an expired CA trusts nothing now.

        While no other can be had it stays, and is what requests are denied with.
        """
        if wanted is None and self.waiting is None:
            return
        if self.active is not None and self.active.has_expired(now):
            self.reasons.append(f"CA {self.active.id} has expired")
            self._activate(None, now)

    def drop_unwanted(self, wanted: Origin | None, timing: Timing, now: datetime.datetime) -> None:
        """A successor that is not wanted any more goes."""
        waiting = self.waiting
        if waiting is None or _is_due_successor(waiting, self.active, wanted, timing, now):
            return
        self.reasons.append(f"CA {waiting.id} is not wanted any more, and never issued anything")
        self.remove.append(waiting)
        self.waiting = None

    def bring_back(self, wanted: Origin | None, now: datetime.datetime) -> None:
        """What the operator brought, took away and brings again is the one that is outgoing.

        One certificate cannot be two authorities; and it is trusted still, so that it can issue at
        once.
        """
        if not isinstance(wanted, Brought):
            return
        again = next((a for a in self.outgoing if a.origin == wanted), None)
        if again is not None:
            self.reasons.append(f"CA {again.id} was brought again, and takes over")
            self.outgoing.remove(again)
            self._activate(again, now)

    def switch(self, timing: Timing, now: datetime.datetime) -> None:
        """A successor takes over after the overlap."""
        waiting = self.waiting
        if waiting is not None and (self.active is None or waiting.since + timing.overlap <= now):
            self.reasons.append(f"CA {waiting.id} takes over")
            self._activate(waiting, now)
            self.waiting = None

    def needs(self, wanted: Origin | None, timing: Timing, now: datetime.datetime) -> Phase | None:
        """Return in which phase a new CA is to be made, if one is."""
        if wanted is None:
            return None
        if self.active is None:
            self.reasons.append("A CA is made")
            return Phase.ACTIVE
        if self.waiting is None and _needs_successor(self.active, wanted, timing, now):
            self.reasons.append(f"A successor of CA {self.active.id} is made and published")
            return Phase.PUBLISHED
        return None

    def retire(self, now: datetime.datetime) -> None:
        """A CA goes when the last certificate that it issued has expired."""
        done = [a for a in self.outgoing if a.issued_until is None or a.issued_until < now]
        for authority in done:
            self.reasons.append(f"CA {authority.id} is retired: nothing of it is valid still")
            self.outgoing.remove(authority)
            self.remove.append(authority)

    def left(self) -> tuple[Authority, ...]:
        """Return the ones that stay."""
        return tuple(a for a in (self.active, self.waiting, *self.outgoing) if a is not None)

    def _activate(self, successor: Authority | None, now: datetime.datetime) -> None:
        if self.active is not None:
            self.outgoing.append(dataclasses.replace(self.active, phase=Phase.OUTGOING, since=now))
        self.active = successor and dataclasses.replace(successor, phase=Phase.ACTIVE, since=now)


def rotation_starts(active: Authority, timing: Timing) -> datetime.datetime:
    """Return when *active* has too little life left for one more certificate and an overlap."""
    return active.certificate.expiry_time - timing.certificate_validity - timing.overlap


def next_look(
    authorities: Sequence[Authority], timing: Timing, now: datetime.datetime
) -> datetime.datetime | None:
    """Return when the next step is due by the clock alone; arguments as for `plan`."""
    moments: list[datetime.datetime] = []
    for authority in authorities:
        if authority.phase is Phase.PUBLISHED:
            moments.append(authority.since + timing.overlap)
        elif authority.phase is Phase.ACTIVE:
            moments.append(authority.certificate.expiry_time)
            if isinstance(authority.origin, Made):
                moments.append(rotation_starts(authority, timing))
        elif authority.issued_until is not None:
            # Certificates are valid to the end of their last second.
            moments.append(authority.issued_until + _SECOND)
    return min((moment for moment in moments if moment > now), default=None)


def bundle(authorities: Sequence[Authority]) -> tuple[Certificate, ...]:
    """Return what a client has to trust, the CA in use first."""
    order = (Phase.ACTIVE, Phase.PUBLISHED, Phase.OUTGOING)
    ordered = sorted(authorities, key=lambda authority: order.index(authority.phase))
    return tuple(dict.fromkeys(authority.anchor for authority in ordered))


def in_use(authorities: Sequence[Authority]) -> Authority | None:
    """Return the CA that issues, if there is one."""
    return next((a for a in authorities if a.phase is Phase.ACTIVE), None)


def is_key_in_use(authorities: Iterable[Authority], brought: Certificate | None) -> bool:
    """Return whether a CA that the operator brings has the key of one that has issued."""
    return brought is not None and any(
        authority.certificate.public_key_sha256 == brought.public_key_sha256
        for authority in authorities
        if authority.phase is not Phase.PUBLISHED
    )


def _needs_successor(
    active: Authority, wanted: Origin, timing: Timing, now: datetime.datetime
) -> bool:
    if active.origin != wanted:
        return True
    # What an operator brought, only the operator can renew.
    return isinstance(active.origin, Made) and rotation_starts(active, timing) <= now


def _is_due_successor(
    waiting: Authority,
    active: Authority | None,
    wanted: Origin | None,
    timing: Timing,
    now: datetime.datetime,
) -> bool:
    if wanted is None:
        return True
    if waiting.origin != wanted:
        return False
    return active is None or _needs_successor(active, wanted, timing, now)
