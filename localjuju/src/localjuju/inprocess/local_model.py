"""What an operator does to a model of a world."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from localjuju.model import JujuError, Model, Task, Unit, hooks, offers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import ops

    from localjuju.model.applications import Application
    from localjuju.model.relations import Databag
    from localjuju.model.secrets import Expiry

    from .world import World


class LocalModel:
    """One model of a world: what an operator does to it.

    ``state`` is the model itself, for looking at and for what has no method here.
    """

    def __init__(self, world: World, state: Model) -> None:
        self.world = world
        self.state = state

    def deploy(
        self,
        charm_class: type[ops.CharmBase],
        root: Path,
        name: str | None = None,
        *,
        units: int = 1,
        config: Mapping[str, Any] | None = None,
    ) -> Application:
        """Deploy a charm.

        Args:
            charm_class: Its code.
            root: The folder with its charmcraft.yaml (or metadata.yaml).
            name: The application's; the charm's own if it is not given.
            units: How many.
            config: Options, as values or as text.
        """
        charm, revision, note = self.world.take_code(self.state, charm_class, root)
        note(name or charm.name)
        return self.state.deploy(
            charm,
            name or charm.name,
            self.world.now,
            revision=revision,
            units=units,
            config=_as_text(config or {}),
        )

    def refresh(self, app: str, charm_class: type[ops.CharmBase], root: Path) -> None:
        """Give an application other code; its units keep their state."""
        charm, revision, note = self.world.take_code(self.state, charm_class, root)
        self.state.refresh(app, charm, revision)
        note(app)

    def integrate(self, one: str, two: str) -> None:
        """Relate two applications."""
        self.state.integrate(one, two)

    def remove_relation(self, one: str, two: str) -> None:
        """Begin to remove a relation."""
        self.state.remove_relation(one, two)

    def offer(self, app: str, *endpoints: str, name: str = "") -> None:
        """Offer endpoints of an application to other models, as ``juju offer``."""
        offers.give(self.state, app, endpoints, name)

    def consume(self, source: LocalModel, offer: str, alias: str = "") -> None:
        """Give an offer of another model a name in this one, to be related as an application."""
        offers.take(self.state, source.state, offer, alias)

    def add_units(self, app: str, count: int = 1) -> list[str]:
        """Add units; return their names."""
        return [unit.name for unit in self.state.add_units(app, count, self.world.now)]

    def remove_unit(self, name: str) -> None:
        """Begin to remove a unit."""
        self.state.remove_unit(self.state.unit(name))

    def remove_application(self, name: str) -> None:
        """Begin to remove an application."""
        self.state.remove_application(name)

    def config(self, app: str, **values: Any) -> None:
        """Set options; underscores in their names stand for hyphens."""
        self.state.set_config(app, _as_text({k.replace("_", "-"): v for k, v in values.items()}))

    def lead(self, name: str) -> None:
        """Make a unit the leader."""
        unit = self.state.unit(name)
        if self.state.applications[unit.app].leader != unit.number:
            hooks.move_leadership(self.state.applications[unit.app], unit)

    def run(self, unit: str, action: str, **parameters: Any) -> Task:
        """Run an action now, with what else is due before it; return how it ended."""
        given = {key.replace("_", "-"): value for key, value in parameters.items()}
        found = self.state.unit(unit)
        task = self.state.enqueue(found, self.state.next_task_id(), action, given, self.world.now)
        while not task.is_over:
            if self.world.step(lambda due: _this_one(due, found)) is None:
                raise RuntimeError(f"{unit} does not run: it is paused")
        return task

    def unit_status(self, name: str) -> tuple[str, str]:
        """Return a unit's workload status and its message."""
        status = self.state.unit(name).workload
        return status.current, status.message

    def databag(
        self, unit_or_app: str, endpoint: str, *, relation: int | None = None
    ) -> Mapping[str, str]:
        """Return what a unit, or an application, wrote in a relation.

        Args:
            unit_or_app: Whose it is.
            endpoint: Where.
            relation: Its number; the oldest at the endpoint if it is not given.
        """
        return self._databag(unit_or_app, endpoint, relation).settings

    # What only a fault does.

    def tamper(
        self,
        unit_or_app: str,
        endpoint: str,
        changes: Mapping[str, str],
        *,
        relation: int | None = None,
    ) -> None:
        """Write a databag as no charm would: for peers that lie. Empty values delete keys."""
        self._databag(unit_or_app, endpoint, relation).update(changes)

    def kill_unit(self, name: str) -> None:
        """Take a unit away at once, without any of its hooks, as ``remove-unit --force``."""
        unit = self.state.unit(name)
        unit.dying = True
        self.state.forget_unit(unit)
        shutil.rmtree(self.world.unit_folder(self.state, unit), ignore_errors=True)

    def kill_application(self, name: str) -> None:
        """Take an application away at once; the other sides of its relations still depart."""
        units = list(self.state.application(name).units.values())
        self.state.remove_application(name)
        for unit in units:
            self.kill_unit(unit.name)

    def pause(self, name: str) -> None:
        """Cut a unit off: it runs nothing. It goes on leading until another is made to lead."""
        self.state.unit(name).paused = True

    def resume(self, name: str) -> None:
        """End what ``pause`` began."""
        self.state.unit(name).paused = False

    def expiry(self, way: Expiry) -> None:
        """Choose how owners hear of revisions that expire: exactly, as Juju 4.0, or never."""
        self.state.expiry = way

    def departures_across(self, *, told: bool) -> None:
        """Choose whether units hear of those that leave a relation in another model at once.

        The recorded build of Juju tells it when the whole relation goes.
        """
        self.state.tells_departures_across = told

    def _databag(self, unit_or_app: str, endpoint: str, number: int | None) -> Databag:
        app, slash, unit = unit_or_app.partition("/")
        for relation in self.state.relations_of(app):
            side = relation.side_of(self.state.uuid, app)
            if side.endpoint.name == endpoint and number in {None, side.relation_id}:
                if not slash:
                    return side.settings
                if int(unit) in side.units:
                    return side.units[int(unit)]
                raise JujuError(f"{unit_or_app} is not in that relation at {endpoint}")
        raise JujuError(f"{app} has no such relation at {endpoint}")


def _this_one(due: Sequence[tuple[Model, Unit]], unit: Unit) -> tuple[Model, Unit]:
    return next((pair for pair in due if pair[1] is unit), due[0])


def _as_text(values: Mapping[str, Any]) -> dict[str, str]:
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in values.items()}
