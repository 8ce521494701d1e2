"""What one run of a hook may see, and what it holds back until the hook has ended well."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from localjuju.model import Hook, JujuError, Model, NotFoundError, Task, Unit

from .errors import CommitError
from .pending_secrets import PendingSecrets

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping

    from localjuju.model.applications import Application, Status
    from localjuju.model.relations import Relation, Side


@dataclasses.dataclass(frozen=True)
class Scope:
    """Which databag a setting is written to: of the unit, or of its application."""

    relation_id: int
    app: bool


class HookContext:
    """One run of a hook, an action or a command of ``juju exec``.

    Reads show the model as it is now, with this run's own writes on top. ``commit`` makes the
    writes; without it they never were.

    Args:
        model: The model that the unit is in.
        unit: The unit that runs.
        clock: Gives the present moment.
        hook: The hook, if it is one.
        task: The action or command, if it is one.
    """

    def __init__(
        self,
        model: Model,
        unit: Unit,
        clock: Callable[[], datetime.datetime],
        *,
        hook: Hook | None = None,
        task: Task | None = None,
    ) -> None:
        self.model = model
        self.unit = unit
        self.clock = clock
        self.hook = hook
        self.task = task
        self.settings: dict[Scope, dict[str, str]] = {}
        """Pending relation settings; an empty value deletes its key."""
        self.state: dict[str, str | None] = {}
        """Pending ``state-set`` and, as None, ``state-delete``."""
        self.ports: dict[str, bool] = {}
        """Pending ports: opened (True) or closed."""
        self.secrets = PendingSecrets(self)
        self.status_read: Status | None = None
        """What ``status-get`` read first: Juju reads it once in a hook, set later or not."""

    @property
    def app(self) -> Application:
        """The unit's application."""
        return self.model.applications[self.unit.app]

    @property
    def is_leader(self) -> bool:
        """Whether the unit leads its application now."""
        return self.app.leader == self.unit.number

    def sides(self, relation_id: int) -> tuple[Side, Side]:
        """Return this unit's side of a relation that it has entered, and the other one."""
        relation = self.relation(relation_id)
        yours = relation.side_of(self.model.uuid, self.unit.app)
        return yours, relation.other(yours)

    def relation(self, relation_id: int) -> Relation:
        """Return a relation that this unit has entered.

        Raises:
            NotFoundError: If there is none of that number for it.
        """
        if relation_id not in self.unit.views or relation_id not in self.model.relations:
            raise NotFoundError("relation not found", 2)
        return self.model.relations[relation_id]

    def databag(self, relation_id: int, *, number: int | None) -> Mapping[str, str]:
        """Return this side's databag of one unit, or (None) of the application, as seen here."""
        yours, _ = self.sides(relation_id)
        if number is None:
            base = yours.settings.settings
        else:
            base = yours.units[number].settings if number in yours.units else {}
        if number not in {None, self.unit.number}:
            return base
        pending = self.settings.get(Scope(relation_id, app=number is None), {})
        return {k: v for k, v in {**base, **pending}.items() if v}

    def write(self, relation_id: int, changes: Mapping[str, str], *, app: bool) -> None:
        """Hold relation settings until the hook has ended well."""
        self.sides(relation_id)
        if app and not self.is_leader:
            raise JujuError("cannot write relation settings")
        self.settings.setdefault(Scope(relation_id, app), {}).update(changes)

    def commit(self) -> None:
        """Make what this run wrote, all of it or nothing.

        Raises:
            CommitError: If something cannot be done any more; then nothing was.
        """
        writes_app = any(scope.app and changes for scope, changes in self.settings.items())
        if writes_app and not self.is_leader:
            raise CommitError("updating relation settings: this unit is not the leader")
        self.secrets.check()
        for scope, changes in self.settings.items():
            if scope.relation_id not in self.model.relations:
                # The relation went while the hook ran: nobody is left to read it.
                continue
            yours, _ = self.sides(scope.relation_id)
            databag = yours.settings if scope.app else yours.units.get(self.unit.number)
            if databag is not None:
                databag.update(changes)
        for key, value in self.state.items():
            if value is None:
                self.unit.state.pop(key, None)
            else:
                self.unit.state[key] = value
        opened = {port for port, is_open in self.ports.items() if is_open}
        self.unit.ports = (self.unit.ports | opened) - (set(self.ports) - opened)
        self.secrets.apply()
