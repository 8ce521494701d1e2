"""What the unit says of itself: a pure function of what was found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import ops

if TYPE_CHECKING:
    import datetime

    from .pairs import Pair
    from .plan import Gap


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a hook has found."""

    config_problem: str | None = None
    """Which option is wrong, and what it accepts."""
    server_problem: str | None = None
    """Why the server, or its files, are not as they should be."""
    is_related: bool = False
    provider: str = ""
    """Name of the application that is related; empty where Juju does not tell it."""
    denials: tuple[str, ...] = ()
    """The provider's reasons."""
    refused: tuple[str, ...] = ()
    """Why certificates that the provider sent are not served."""
    wanted: tuple[str, ...] = ()
    """Slots to fill."""
    pairs: tuple[Pair, ...] = ()
    """What is served."""
    gap: Gap | None = None
    """Why a wanted slot has no certificate any more."""
    trust_problem: str | None = None
    """Why the served chain does not lead to the CAs that this unit was told to trust."""
    waits_for_leader: bool = False
    """Whether the certificates are the application's, which its leader asks for."""


def status_of(facts: Facts, now: datetime.datetime) -> ops.StatusBase:
    """Return the one status that matters most: what needs a person, what to wait for, what is.

    Whatever it is, it says what clients get meanwhile; but for trouble with the server itself, of
    which that is not known.
    """
    valid = [pair for pair in facts.pairs if not pair.date_problem(now)]
    meanwhile = f"; serving {serving(valid)}" if valid else ""
    trouble = "; ".join(filter(None, [facts.config_problem, facts.server_problem]))
    if trouble:
        return ops.BlockedStatus(trouble + ("" if facts.server_problem else meanwhile))
    if not facts.is_related:
        advice = meanwhile or ": integrate `certificates` with one"
        return ops.BlockedStatus(f"no provider of certificates is related{advice}")
    if facts.denials:
        return ops.BlockedStatus(f"denied: {'; '.join(facts.denials)}{meanwhile}")
    if facts.refused:
        return ops.BlockedStatus(f"not served: {'; '.join(facts.refused)}{meanwhile}")
    served = {pair.slot for pair in valid}
    missing = [slot for slot in facts.wanted if slot not in served]
    if missing:
        return ops.WaitingStatus(_what_is_missing(facts, len(missing)) + meanwhile)
    worry = f"; {facts.trust_problem}" if facts.trust_problem else ""
    return ops.ActiveStatus(serving(valid) + worry)


def app_status_of(facts: Facts, mode: str, now: datetime.datetime) -> ops.StatusBase:
    """Return what the leader says of the application: of its own affairs, not of one unit's."""
    status = status_of(dataclasses.replace(facts, server_problem=None), now)
    if isinstance(status, ops.ActiveStatus):
        return ops.ActiveStatus(f"{mode} mode")
    return status


def serving(pairs: list[Pair]) -> str:
    """Say what is served, and for how long."""
    if not pairs:
        return "nothing"
    end = min(pair.not_after for pair in pairs)
    names = pairs[0].common_name if len(pairs) == 1 else f"{len(pairs)} certificates"
    return f"{names} until {end:%Y-%m-%d %H:%M} UTC"


def _what_is_missing(facts: Facts, missing: int) -> str:
    source = facts.provider or "the provider"
    if facts.waits_for_leader:
        source = "the leader"
    what = "a certificate" if len(facts.wanted) == 1 else f"{missing} certificates"
    if facts.gap is not None:
        return f"{facts.gap.value}; waiting for {what} from {source}"
    return f"waiting for {what} from {source}"


def notice_of(facts: Facts) -> str:
    """Return what a reader of the page should know; nothing where all is well."""
    if not facts.is_related:
        return "No provider of certificates is related: what is held is served until it expires."
    if facts.denials:
        return f"The provider denies a certificate: {'; '.join(facts.denials)}."
    if facts.refused:
        return f"A certificate from the provider is not served: {'; '.join(facts.refused)}."
    if facts.gap is not None:
        return f"The certificate is {facts.gap.value}: another is asked for."
    return ""
