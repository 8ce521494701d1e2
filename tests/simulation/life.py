"""One life: a world, and what happens in it, told as a story and looked at after each hook."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from localjuju.model import Task, Unit, hooks

from . import invariants
from .history import History

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from localjuju.inprocess import LocalModel, Ran, World
    from localjuju.model import Model
    from localjuju.model.applications import Application

MOST_HOOKS = 1000
"""More than any settling takes: a world that runs more of them at one moment does not rest."""


class BrokenError(AssertionError):
    """Something does not hold that should."""


class Life:
    """One life.

    Args:
        world: Fresh.
        tell: Takes each line of the story.
    """

    def __init__(self, world: World, tell: Callable[[str], object]) -> None:
        self.world = world
        self.tell = tell
        self.history = History()
        self.hooks = 0
        self.model = self.begin("m")
        self.abroad: dict[str, LocalModel] = {}
        """The models of those applications that are not in `model`."""

    def home(self, app: str) -> LocalModel:
        """Return the model that an application is in, or is to be in."""
        return self.abroad.get(app, self.model)

    def app(self, name: str) -> Application | None:
        """Return an application, if it is there."""
        return self.home(name).state.applications.get(name)

    def all_units(self) -> list[Unit]:
        """Return the units of all models."""
        return [unit for model in self.world.models.values() for unit in model.units()]

    def begin(self, name: str) -> LocalModel:
        """Add a model whose units are not asked for their health every five minutes."""
        model = self.world.add_model(name)
        model.state.config["update-status-hook-interval"] = "168h"
        return model

    # Hooks.

    def run_one(self, order: random.Random | None = None) -> Ran | None:
        """Run one due thing of a unit that *order* draws, and look at everything."""

        def choose(due: Sequence[tuple[Model, Unit]]) -> tuple[Model, Unit]:
            return order.choice(due) if order else due[0]

        ran = self.world.step(choose)
        if ran is not None:
            self.hooks += 1
            self.tell(f"    {self.world.now:%m-%d %H:%M:%S} {ran.unit} {ran.name}{_how(ran)}")
            self.look()
        return ran

    def look(self) -> None:
        """Look at everything.

        Raises:
            BrokenError: If something does not hold.
        """
        found = self.history.look(self.world)
        if found:
            raise BrokenError("; ".join(found))

    def settle(self, order: random.Random | None = None) -> None:
        """Run what is due until nothing is."""
        for _ in range(MOST_HOOKS):
            if self.run_one(order) is None:
                return
        last = ", ".join(f"{ran.unit} {ran.name}" for ran in self.world.ran[-8:])
        raise BrokenError(f"does not come to rest; the last: {last}")

    def wait(self, length: datetime.timedelta, order: random.Random | None = None) -> None:
        """Let time pass, each thing at its moment."""
        goal = self.world.now + length
        while (due := self.world.next_moment()) is not None and due <= goal:
            self.world.move_to(max(due, self.world.now))
            self.settle(order)
        self.world.move_to(goal)
        self.settle(order)

    def sleep(self, length: datetime.timedelta) -> None:
        """Let time pass with every machine switched off."""
        self.world.move_to(self.world.now + length)
        self.look()

    # Units.

    def units(self, *apps: str) -> list[Unit]:
        """Return the units of applications that are there and live."""
        return [
            unit
            for name in apps
            if (app := self.app(name)) is not None
            for unit in app.alive_units()
        ]

    def kill(self, unit: Unit) -> None:
        """Take a unit away at once, as when its machine burns: no hook is run."""
        self.home(unit.app).kill_unit(unit.name)

    def pause_leader(self, name: str) -> bool:
        """Stop the leader's agent; another unit leads, if there is one."""
        app = self.home(name).state.applications[name]
        if app.leader is None or len([u for u in app.alive_units() if not u.paused]) < 2:
            return False
        app.units[app.leader].paused = True
        hooks.move_leadership(app)
        return True

    def act(self, unit: Unit, action: str, **parameters: object) -> Task:
        """Queue an action, and run what is due until it is over."""
        given = {key.replace("_", "-"): value for key, value in parameters.items()}
        model = self.home(unit.app)
        state = model.state
        task = state.enqueue(unit, state.next_task_id(), action, given, self.world.now)
        while (
            not task.is_over and not unit.paused and unit.name in {u.name for u in state.units()}
        ):
            if self.world.step_of(model, unit.name) is None:
                break
            self.hooks += 1
            self.look()
        self.tell(f"      {task.status} {task.message}")
        return task

    # Quiet.

    def heal(self) -> None:
        """End what faults there are."""
        self.world.crash_at.clear()
        for unit in self.all_units():
            unit.paused = False
            if unit.failure is not None:
                unit.resolve = "retry"

    def rest(self, order: random.Random | None = None) -> None:
        """Have a quiet time: everybody is up, everything is heard, and a week passes.

        Raises:
            BrokenError: If an honest request has neither a certificate nor a reason then, or if
                anybody still writes.
        """
        self.heal()
        self.settle(order)
        self.wait(datetime.timedelta(hours=3), order)
        for _ in range(2):
            self._ask_everybody(order)
        before = invariants.writings(self.world)
        self._ask_everybody(order)
        after = invariants.writings(self.world)
        changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        if changed:
            raise BrokenError(f"is written again in a quiet time: {', '.join(changed)}")
        if found := list(invariants.unanswered(self.world)):
            raise BrokenError("; ".join(found))

    def _ask_everybody(self, order: random.Random | None) -> None:
        """Have every unit run `update-status` now."""
        for unit in self.all_units():
            if unit.started:
                unit.next_update_status = self.world.now
        self.settle(order)


def _how(ran: Ran) -> str:
    if ran.error is None:
        return ""
    return (
        f": killed at hook tool {ran.tools}"
        if type(ran.error).__name__ == "Killed"
        else (f": {ran.error!r}")
    )
