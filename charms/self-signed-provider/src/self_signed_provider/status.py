"""How things stand, as a status for a person to read."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import ops

from .ca import Phase, in_use

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from .ca import Authority

NO_LEDGER = (
    "Juju made no `ledger` relation, as for an application that was refreshed from another charm: "
    "deploy this charm anew, and integrate that"
)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a status is made from."""

    problem: str | None
    """What is wrong with the options, if anything is."""
    lacks_ledger: bool
    """Whether Juju never made the relation among the units in which the CA is remembered."""
    is_leader: bool
    authorities: Sequence[Authority]
    overlap: datetime.timedelta | None
    issued: int = 0
    denied: int = 0


def status_of(facts: Facts, now: datetime.datetime) -> ops.StatusBase:
    """Return the status of a unit, or of the application if its leader asks."""
    if facts.lacks_ledger:
        return ops.BlockedStatus(NO_LEDGER)
    authority = in_use(facts.authorities)
    if authority is not None and authority.has_expired(now):
        end = authority.certificate.expiry_time
        # What was brought since, and is of no use, is what its operator has to know of.
        cure = facts.problem or "bring a new one by ca-secret"
        return ops.BlockedStatus(f"The CA expired on {end:%Y-%m-%d}; {cure}")
    if facts.problem is not None:
        kept = "; the last good configuration is in force" if facts.authorities else ""
        return ops.BlockedStatus(f"{facts.problem}{kept}")
    if authority is None:
        return ops.WaitingStatus("Waiting for the leader to make the CA")
    if not facts.is_leader:
        return ops.ActiveStatus("Standing by; the leader issues")
    parts = [f"{facts.issued} certificate{'' if facts.issued == 1 else 's'}"]
    if facts.denied:
        parts.append(f"{facts.denied} denied")
    parts.append(f"CA until {authority.certificate.expiry_time:%Y-%m-%d}")
    parts.extend(_rotation(facts))
    return ops.ActiveStatus(", ".join(parts))


def _rotation(facts: Facts) -> list[str]:
    phases: list[str] = []
    for authority in facts.authorities:
        if authority.phase is Phase.PUBLISHED and facts.overlap is not None:
            switch = authority.since + facts.overlap
            phases.append(f"new CA published, issues from {switch:%Y-%m-%d %H:%M} UTC")
    outgoing = sum(authority.phase is Phase.OUTGOING for authority in facts.authorities)
    if outgoing:
        phases.append(f"{outgoing} old CA{'' if outgoing == 1 else 's'} trusted still")
    return phases
