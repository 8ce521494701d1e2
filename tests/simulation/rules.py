"""What any machine can do: time, hooks and crashes. The machines add their own operators."""

from __future__ import annotations

import contextlib
import datetime
import os
import random
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import note, strategies
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from localjuju.model.secrets import Expiry

from . import looks
from .life import Life
from .steady import steady_world

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from localjuju.model import Unit

SECOND = datetime.timedelta(seconds=1)
LENGTHS = {
    "1s": SECOND,
    "70s": 70 * SECOND,
    "10m": datetime.timedelta(minutes=10),
    "70m": datetime.timedelta(minutes=70),
    "9h": datetime.timedelta(hours=9),
    "2d": datetime.timedelta(days=2),
    "12d": datetime.timedelta(days=12),
    "33d": datetime.timedelta(days=33),
    "80d": datetime.timedelta(days=80),
}
SEED = int(os.environ.get("SIMULATION_SEED") or 2)
"""Of a run of the tests; it is told with each story.

The same each time: nobody's change is to be red for what was broken before it. `soak.py` looks
further, with new seeds.
"""
SETTINGS = hypothesis.settings(
    max_examples=int(os.environ.get("SIMULATION_LIVES", "20")),
    stateful_step_count=40,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=tuple(hypothesis.HealthCheck),  # pyright: ignore[reportArgumentType],
)
"""Of the tests; `soak.py` has its own."""
MOST_NOISE = 12
"""How many steps come before a quiet time."""
seeds = strategies.integers(0, 2**31)
"""Of the world's own draws: ids, keys, serial numbers."""
orders = strategies.integers(0, 2**16)
"""In which order units that are due get their turn: by name (0), or as drawn from this."""
HOME, ABROAD, UNTOLD = "one model", "two models", "two models, departures untold"
PLACES = (HOME, ABROAD, UNTOLD)
"""Whether all are in one model, or some in another; and whether units hear at once of those who
leave a relation there, or (as in a recorded build of Juju) when the whole relation goes."""
places = strategies.sampled_from(PLACES)
picks = strategies.integers(0, 11)
"""Which of several: of what there is, counted around."""


class LifeMachine(RuleBasedStateMachine):
    """A life, and what happens to all of them.

    `apps` are those whose units come, go and crash.
    """

    apps: Sequence[str] = ()
    watch: Callable[[str], object] = staticmethod(len)
    """Is told the name of each rule that did something: for `soak.py`."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.is_over = False
        self.since_quiet = 0

    def begin_life(self, seed: int, place: str = HOME, abroad: Sequence[str] = ()) -> None:
        """Make a world, and what it begins with.

        Args:
            seed: Everything follows from it.
            place: Of `PLACES`: where those are that may be in another model.
            abroad: Who that is. Relations between them and all others are by offers.
        """
        note(f"again with: make simulation SEED={SEED}")
        world = self._stack.enter_context(steady_world(seed))
        self.life = Life(world, note)
        if place != HOME:
            self.life.abroad = dict.fromkeys(abroad, self.life.begin("n"))
        for model in (self.life.model, *self.life.abroad.values()):
            model.departures_across(told=place != UNTOLD)
        self.guarded(self.populate)
        self.guarded(self.life.settle)

    def populate(self) -> None:
        """Deploy what the life begins with."""
        raise NotImplementedError

    def make_peace(self) -> None:
        """Take back what would keep a quiet time from being quiet."""

    def teardown(self) -> None:
        """End every life with a quiet time."""
        try:
            if hasattr(self, "life") and not self.is_over:
                note("  a quiet time, at last")
                self.make_peace()
                self.life.rest()
        finally:
            self._stack.close()
            looks.forget()

    def told(self, text: str) -> None:
        """Tell the story's next step."""
        note(f"  {text}")
        self.since_quiet += 1
        type(self).watch(text.split(maxsplit=1)[0])

    def guarded(self, do: Callable[[], object]) -> None:
        """Do something; where that breaks the world, there is no quiet time to come."""
        try:
            do()
        except BaseException:
            self.is_over = True
            raise

    def pick(self, which: int, *apps: str) -> Unit | None:
        """Return one of the units of applications (by default all that come and go), or None."""
        return picked(which, self.life.units(*(apps or self.apps)))

    def spare_units(self) -> list[Unit]:
        """Return the units that are not the last of their application."""
        units = {name: self.life.units(name) for name in self.apps}
        return [unit for some in units.values() if len(some) > 1 for unit in some]

    def followers(self) -> list[Unit]:
        """Return the units that do not lead."""
        return [
            unit
            for name in self.apps
            for unit in self.life.units(name)
            if (app := self.life.app(name)) is not None and app.leader != unit.number
        ]

    # Hooks and time.

    @precondition(lambda self: self.life.world.due())
    @rule(count=strategies.integers(1, 6), order=orders)
    def some_hooks(self, count: int, order: int) -> None:
        self.told(f"hooks {count}")
        draws = draw_from(order)
        for _ in range(count):
            self.guarded(lambda: self.life.run_one(draws))

    @precondition(lambda self: self.life.world.due())
    @rule(order=orders)
    def all_hooks(self, order: int) -> None:
        self.told("settle")
        self.guarded(lambda: self.life.settle(draw_from(order)))

    @rule(length=strategies.sampled_from(sorted(LENGTHS, key=lambda k: LENGTHS[k])), order=orders)
    def time_passes(self, length: str, order: int) -> None:
        self.told(f"wait {length}")
        self.guarded(lambda: self.life.wait(LENGTHS[length], draw_from(order)))

    @rule(length=strategies.sampled_from(sorted(LENGTHS, key=lambda k: LENGTHS[k])))
    def time_jumps(self, length: str) -> None:
        self.told(f"jump {length}")
        self.guarded(lambda: self.life.sleep(LENGTHS[length]))

    @precondition(lambda self: self.since_quiet > MOST_NOISE)
    @rule()
    def a_quiet_time(self) -> None:
        self.told("quiet")
        self.since_quiet = 0
        self.make_peace()
        self.guarded(self.life.rest)

    @rule(how=strategies.sampled_from([Expiry.EXACT, Expiry.EARLY, Expiry.LOST]))
    def secrets_expire(self, how: Expiry) -> None:
        self.told(f"expiry {how.value}")
        for model in self.life.world.models.values():
            model.expiry = how

    # Units.

    @rule(which=picks, at=strategies.integers(1, 40))
    def a_crash_to_come(self, which: int, at: int) -> None:
        unit = self.pick(which)
        if unit is not None:
            self.told(f"crash {unit.name} at its hook tool {at}")
            self.life.world.crash(unit.name, at)

    @rule(which=picks)
    def a_unit_comes(self, which: int) -> None:
        name = self.apps[which % len(self.apps)]
        app = self.life.app(name)
        if app is not None and not app.dying and len(self.life.units(name)) < 3:
            self.told(f"add-unit {name}")
            self.life.home(name).add_units(name)

    @precondition(lambda self: self.spare_units())
    @rule(which=picks)
    def a_unit_goes(self, which: int) -> None:
        if (unit := picked(which, self.spare_units())) is not None:
            self.told(f"remove-unit {unit.name}")
            self.life.home(unit.app).remove_unit(unit.name)

    @precondition(lambda self: self.spare_units())
    @rule(which=picks)
    def a_unit_burns(self, which: int) -> None:
        if (unit := picked(which, self.spare_units())) is not None:
            self.told(f"burn {unit.name}")
            self.life.kill(unit)
            self.guarded(self.life.look)

    @precondition(lambda self: self.followers())
    @rule(which=picks)
    def another_leads(self, which: int) -> None:
        if (unit := picked(which, self.followers())) is not None:
            self.told(f"lead {unit.name}")
            self.life.home(unit.app).lead(unit.name)

    @precondition(lambda self: self.followers())
    @rule(which=picks)
    def a_leader_hangs(self, which: int) -> None:
        app = self.apps[which % len(self.apps)]
        if self.life.app(app) is not None and self.life.pause_leader(app):
            self.told(f"hang {app}")

    @precondition(lambda self: any(unit.paused for unit in self.life.units(*self.apps)))
    @rule()
    def who_hung_is_back(self) -> None:
        self.told("heal")
        self.life.heal()


def picked(which: int, units: Sequence[Unit]) -> Unit | None:
    return units[which % len(units)] if units else None


def draw_from(order: int) -> random.Random | None:
    return random.Random(order) if order else None
