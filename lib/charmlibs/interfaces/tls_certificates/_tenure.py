"""What a provider's unit remembers of how it came to lead, and who it has not met since.

`relation-list` names only whom a unit has met. Who becomes the leader before it has met everybody
(the last leader was removed while this unit was being added) finds answers to requests that it
does not see, and they are no less wanted for that. So the answers that were there before it led,
and whose requests it has not seen, are remembered. Each is forgotten when its request is seen, and
all are with `update-status`, which Juju runs when there is no hook left to run: everybody has been
met by then. `goal-state` would name the units that are still to come, but not those of another
model, and only the newest versions of ops hand it to charms.

Without a memory (the unit led before this version of the library did, or its storage was lost)
nothing is withheld, as in the published versions.
"""

from collections.abc import Collection, Mapping
from typing import Any, cast

import ops

from . import _provider_plan, _wire

_Occasion = _provider_plan.Occasion


class Tenure(ops.Object):
    """The memory of one unit of a provider, for one endpoint.

    Args:
        parent: The provider.
        unit: This unit.
    """

    _stored = ops.StoredState()

    def __init__(self, parent: ops.Object, unit: ops.Unit) -> None:
        super().__init__(parent, "tenure")
        self._unit = unit
        self._joined: int | None = None
        self._is_at_rest = False
        self._is_elected = False
        self._stored.set_default(is_leaving=False, is_heir=False, unexplained={})

    @property
    def is_leaving(self) -> bool:
        """Whether it is this unit that goes.

        To it the requirers seem to leave, one by one, and what they hold seems to be wanted by no
        one.
        """
        return bool(self._stored.is_leaving)

    def see(self, event: ops.EventBase) -> None:
        """Take note of what happens, before anything is decided."""
        if isinstance(event, ops.RelationDepartedEvent) and event.departing_unit == self._unit:
            self._stored.is_leaving = True
        # Leadership may come before `leader-elected` does: whoever does not lead now, or has just
        # been installed, takes over when it leads.
        is_new = isinstance(event, ops.InstallEvent) or not self._unit.is_leader()
        if is_new and not self._stored.is_heir:
            self._stored.is_heir = True
        self._joined = event.relation.id if isinstance(event, ops.RelationCreatedEvent) else None
        self._is_at_rest = isinstance(event, ops.UpdateStatusEvent)
        self._is_elected = isinstance(event, ops.LeaderElectedEvent)

    def _occasion(self, relation: ops.Relation, *, is_readable: bool) -> _Occasion:
        if self._is_at_rest and is_readable:
            return _Occasion.ALL_MET
        # A unit of an application that has long been related has met nobody when it joins.
        if self._stored.is_heir or self._is_elected or relation.id == self._joined:
            return _Occasion.TAKING_OVER
        return _Occasion.AT_WORK

    def unexplained(
        self,
        relation: ops.Relation,
        answers: _provider_plan.Answers,
        requested: Collection[str],
        *,
        is_readable: bool,
    ) -> frozenset[str]:
        """Return the requests, in PEM, that are answered and may be there although unseen.

        Args:
            relation: The relation.
            answers: What was answered there.
            requested: The requests that are seen there, in PEM.
            is_readable: Whether that is all of them, as far as this unit has met who asks.
        """
        remembered = self._remembered.get(relation.id, frozenset())
        entries = (*answers.certificates, *answers.errors) if remembered else ()
        before = {one.csr for one in entries if _wire.digest(one.csr) in remembered}
        return _provider_plan.unexplained(
            answers, requested, before, self._occasion(relation, is_readable=is_readable)
        )

    def remember(self, unexplained: Mapping[int, Collection[str]]) -> None:
        """Remember what is unexplained, by the relation's id, for the hooks to come."""
        kept = {
            key: frozenset(map(_wire.digest, csrs)) for key, csrs in unexplained.items() if csrs
        }
        if kept != self._remembered:
            self._stored.unexplained = {key: sorted(digests) for key, digests in kept.items()}
        if self._stored.is_heir and (self._is_elected or self._is_at_rest):
            self._stored.is_heir = False

    @property
    def _remembered(self) -> dict[int, frozenset[str]]:
        """The digests of unexplained requests, by the relation's id."""
        stored = cast("Mapping[int, Any]", self._stored.unexplained)
        return {key: frozenset(stored[key]) for key in stored}
