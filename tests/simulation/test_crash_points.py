"""Whatever runs is killed at each of its hook tool calls in turn, and run again: nothing is lost.

Each story is told once undisturbed. Then, for each hook and action in it and each of its hook
tool calls, it is told up to there, the hook is killed at that call and run again, and the story
goes on. In the end everything (databags, secrets, ledger, ports, statuses, what stands on disk to
be served) is as it is at the end of the undisturbed story, but for what is drawn at random. Mostly
that is so as soon as the hook has run again, and what follows is the same then.

A kill at the first call is one before anything was done. `AFTER_ALL` is one after everything was:
what the charm keeps on disk by itself stays, and what it told Juju is dropped. What becomes of
things where others go on before the hook is run again: see `small_worlds.py`.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
from typing import TYPE_CHECKING

import pytest

from localjuju.inprocess import AFTER_ALL
from tests.simulation import canonical
from tests.simulation.crash_stories import (
    BARE_LIBRARY,
    BOTH_CHARMS,
    OF_BOTH_CHARMS,
    OF_THE_BARE_LIBRARY,
    Cast,
    Stage,
    Story,
)
from tests.simulation.steady import steady_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localjuju.inprocess import Ran, Snapshot


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say a figure: it stands in the log."""

    def say(text: str) -> None:
        record_property("figure", text)
        print(text)

    return say


@pytest.fixture(autouse=True)
def no_log_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what hooks log out of pytest's report: that takes longer than the hooks."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


@dataclasses.dataclass(frozen=True)
class Step:
    """A hook or an action of the undisturbed story."""

    before: Snapshot
    ran: Ran
    after: str
    """Digest of the state that it leads to."""


@dataclasses.dataclass(frozen=True)
class Point:
    """Where something is killed."""

    step: Step
    call: int

    def __str__(self) -> str:
        ran = self.step.ran
        which = "after all" if self.call == AFTER_ALL else f"at call {self.call}"
        return f"{ran.name} of {ran.unit}, {which} of {ran.tools}"


class Crashes:
    """One story: its undisturbed run, and every point at which it can be killed."""

    def __init__(self, stage: Stage, story: Story) -> None:
        self._stage = stage
        self._world = stage.world
        story.begin(stage)
        stage.play()
        story.happen(stage)
        self.steps: list[Step] = []
        while True:
            before = self._world.snapshot()
            ran = stage.next()
            if ran is None:
                break
            assert ran.error is None
            self.steps.append(Step(before, ran, canonical.digest(self._world)))
        stage.rest()
        self._end = self._world.snapshot()
        self._end_digest = canonical.digest(self._world)
        self.left: dict[tuple[object, ...], str] = {}
        """By what a kill leaves behind, how the end differs then; mostly nothing."""

    def points(self) -> Iterator[Point]:
        for step in self.steps:
            for call in (*range(1, step.ran.tools + 1), AFTER_ALL):
                yield Point(step, call)

    def difference(self, point: Point) -> str:
        """Kill, run again, tell the story on; return how its end differs, or an empty text."""
        step, world = point.step, self._world
        world.restore(step.before)
        # What is drawn is not what the undisturbed run drew at this place.
        world.rng.seed(point.call)
        killed = self._stage.next(crash_at=point.call)
        assert killed is not None
        assert (killed.unit, killed.name) == (step.ran.unit, step.ran.name)
        assert killed.error is not None, f"it was not killed: it makes {killed.tools} calls"
        # Most kills leave the very same behind: nothing. What follows is told once for each.
        left = self._state(step)
        if left not in self.left:
            self._run_again(killed)
            same = canonical.digest(world) == step.after
            self.left[left] = "" if same else self._difference_at_end()
        return self.left[left]

    def _state(self, step: Step) -> tuple[object, ...]:
        state = self._world.snapshot()
        folders = tuple((name, tuple(tree.items())) for name, tree in state.folders.items())
        return id(step), state.models.pickled, folders

    def _run_again(self, killed: Ran) -> None:
        state = self._stage.model.state
        unit = state.unit(killed.unit)
        if unit.failure is not None:
            unit.resolve = "retry"
        else:
            # It was an action: whoever asked for it asks again.
            [task] = [task for task in state.tasks.values() if task.status == "failed"]
            del state.tasks[task.id]
            self._stage.act(task.unit, task.action, **task.parameters)
        again = self._world.step(lambda due: next(pair for pair in due if pair[1] is unit))
        assert again is not None
        assert (again.name, again.error) == (killed.name, None)

    def _difference_at_end(self) -> str:
        """Tell the story on from a state in which the undisturbed one never was."""
        self._stage.play()
        self._stage.rest()
        if canonical.digest(self._world) == self._end_digest:
            return ""
        found = canonical.readable(self._world).splitlines()
        self._world.restore(self._end)
        wanted = canonical.readable(self._world).splitlines()
        return "\n".join(difflib.unified_diff(wanted, found, "undisturbed", "killed", n=6))


@pytest.mark.parametrize(
    ("cast", "story"),
    [pytest.param(BOTH_CHARMS, one, id=f"charms-{one.name}") for one in OF_BOTH_CHARMS]
    + [pytest.param(BARE_LIBRARY, one, id=f"library-{one.name}") for one in OF_THE_BARE_LIBRARY],
)
def test_killed_at_each_call_and_run_again(
    subtests: pytest.Subtests, figure: Callable[[str], None], cast: Cast, story: Story
) -> None:
    """The end is that of the undisturbed story, at whichever call of whichever hook it was."""
    with steady_world() as world:
        crashes = Crashes(Stage(world, cast), story)
        points = list(crashes.points())
        for point in points:
            with subtests.test(str(point)):
                assert not crashes.difference(point)
    assert len(points) > len(crashes.steps) > 0
    figure(
        f"{story.name}: {len(crashes.steps)} hooks and actions, killed at {len(points)} points, "
        f"which left {len(crashes.left)} different states behind"
    )
