"""Small worlds, and every way that they can go.

A world here has one relation, two units that ask for certificates and an authority of two units,
with the bare library. From its beginning every due hook of every unit is tried as the next one,
and so is everything that may happen once: a renewal falls due, a certificate is revoked, the
leader changes, a hook comes to nothing at its very end and waits to be run again. That goes on
from each state that comes of it until nothing is due. States that mean the same (`canonical.py`)
are met once.

This is no sample: what holds in every state here holds for every order of events in such a world.
What is not in it: hooks that run at the very same time (Juju lets units run side by side; what one
wrote is seen by others when its hook has ended, so that the order of the ends is what counts), and
clocks that move while hooks wait.
"""

from __future__ import annotations

import collections
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from localjuju.inprocess import AFTER_ALL
from localjuju.model import hooks
from tests.simulation import canonical, invariants, looks
from tests.simulation.crash_stories import CA, WEB, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from localjuju.inprocess import Ran, Snapshot
    from localjuju.model import Model, Unit

MOST_SECRETS = 6
"""Of one unit: a key, a certificate, what is being replaced, and as many waiting for removal."""
MOST_REVISIONS = 3


class BrokenError(AssertionError):
    """Something does not hold; the text tells the story that leads there."""


@dataclasses.dataclass(frozen=True)
class Happening:
    """What may happen once, at any time."""

    name: str
    is_possible: Callable[[Stage], bool]
    happen: Callable[[Stage], None]


@dataclasses.dataclass(frozen=True)
class State:
    """A state that was met."""

    snapshot: Snapshot
    left: tuple[str, ...]
    """What may happen still."""
    story: tuple[str, ...]
    """How it was come to first."""
    unrevoked: Mapping[str, str]
    """By unit, what it has in use and nobody revoked, in PEM."""


@dataclasses.dataclass
class Report:
    """What there was."""

    states: int = 0
    transitions: int = 0
    ends: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter[str])
    """States in which nothing is due and nothing can happen, by what they come to at rest."""

    def __str__(self) -> str:
        return (
            f"{self.states} states, {self.transitions} transitions, "
            f"{sum(self.ends.values())} ends of {len(self.ends)} kinds, each the right one"
        )


CRASH = "crash"
"""May happen once, too: the hook that runs comes to nothing."""


class SmallWorld:
    """A world, and every way that it can go from where it is.

    Args:
        stage: In its first state.
        happenings: What may happen, each once.
        may_crash: Whether one hook may come to nothing, at any time.
    """

    def __init__(
        self, stage: Stage, happenings: Iterable[Happening], *, may_crash: bool = True
    ) -> None:
        self._stage = stage
        self._world = stage.world
        self._happenings = {one.name: one for one in happenings}
        self._left = (*self._happenings, *([CRASH] if may_crash else []))
        self.report = Report()

    def explore(self, tell: Callable[[Report], object] = lambda _: None) -> Report:
        """Meet every state.

        Args:
            tell: Is given the report so far, now and then.

        Raises:
            BrokenError: In a state, or from one to the next, something does not hold.
        """
        self._world.ran.clear()
        first = State(self._world.snapshot(), self._left, (), {})
        met = {(canonical.digest(self._world), self._left)}
        waiting = collections.deque([first])
        while waiting:
            state = waiting.popleft()
            self.report.states += 1
            if self.report.states % 500 == 0:
                tell(self.report)
            is_end = True
            for what, left, go in self._ways_on(state):
                is_end = False
                self.report.transitions += 1
                self._world.restore(state.snapshot)
                story = (*state.story, what)
                self._judge(story, go())
                unrevoked = self._judge_use(story, state)
                key = (canonical.digest(self._world), left)
                if key not in met:
                    met.add(key)
                    waiting.append(State(self._world.snapshot(), left, story, unrevoked))
            if is_end:
                self._world.restore(state.snapshot)
                self._judge_end(state.story)
        return self.report

    # What can come next.

    def _ways_on(self, state: State) -> Iterator[tuple[str, tuple[str, ...], Callable[[], Any]]]:
        """Yield each thing that may come next, with what may happen after it, and how it goes."""
        self._world.restore(state.snapshot)
        runnable = [unit.name for unit in self._stage.model.state.units() if self._is_due(unit)]
        possible = [
            one
            for name, one in self._happenings.items()
            if name in state.left and one.is_possible(self._stage)
        ]
        for name in runnable:
            yield name, state.left, lambda name=name: self._run(name)
            if CRASH in state.left:
                left = tuple(one for one in state.left if one != CRASH)
                yield f"{name} (crashes)", left, lambda name=name: self._crash(name)
        for one in possible:
            left = tuple(other for other in state.left if other != one.name)
            yield one.name, left, lambda one=one: one.happen(self._stage)

    def _is_due(self, unit: Unit) -> bool:
        now = self._world.now
        return bool(unit.tasks) or (
            unit.failure is not None
            or hooks.next_hook(self._stage.model.state, unit, now) is not None
        )

    def _run(self, name: str) -> Ran | None:
        unit = self._stage.model.state.unit(name)
        if unit.failure is not None and not unit.tasks:
            unit.resolve = "retry"

        def choose(due: Iterable[tuple[Model, Unit]]) -> tuple[Model, Unit]:
            return next(pair for pair in due if pair[1] is unit)

        return self._world.step(choose)

    def _crash(self, name: str) -> None:
        self._world.crash_at[name] = AFTER_ALL
        self._run(name)
        state = self._stage.model.state
        for task in [task for task in state.tasks.values() if task.status == "failed"]:
            # An action is not run again by Juju, but by who asked for it.
            del state.tasks[task.id]
            self._stage.act(task.unit, task.action, **task.parameters)

    # What must hold.

    def _judge(self, story: tuple[str, ...], ran: Ran | None) -> None:
        if ran is not None and ran.error is not None:
            raise _broken(story, f"{ran.name} of {ran.unit} failed: {ran.error!r}")
        for what in wrong(self._stage):
            raise _broken(story, what)

    def _judge_use(self, story: tuple[str, ...], before: State) -> dict[str, str]:
        """Hold that nothing goes out of use without a successor, but what was revoked."""
        revoked = _revoked(self._stage)
        now = {unit: served.leaf.pem for unit, served in in_use(self._stage)}
        for unit, pem in before.unrevoked.items():
            if unit not in now and pem not in revoked:
                raise _broken(story, f"{unit} has nothing in use, and had a good certificate")
        return {unit: pem for unit, pem in now.items() if pem not in revoked}

    def _judge_end(self, story: tuple[str, ...]) -> None:
        self._stage.rest()
        for what in wrong_at_rest(self._stage):
            raise _broken(story, what)
        rested = canonical.digest(self._world)
        self._stage.rest()
        if canonical.digest(self._world) != rested:
            raise _broken(story, "something is written still when nothing happens")
        self.report.ends[rested] += 1


def _broken(story: tuple[str, ...], what: str) -> BrokenError:
    return BrokenError("\n".join([what, "It comes of this, in turn:", *story]))


def in_use(stage: Stage) -> Iterator[tuple[str, looks.Served]]:
    """Yield each unit that has a certificate in use, with that."""
    model = stage.model.state
    for unit in model.applications[WEB].units.values():
        for served in looks.served(stage.world, model, unit).values():
            yield unit.name, served


def wrong(stage: Stage) -> Iterator[str]:
    """Yield what is wrong in a state, whichever it is."""
    yield from _wrong_in_databags(stage)
    yield from _wrong_in_use(stage)
    yield from _wrong_with_secrets(stage)


def _wrong_in_databags(stage: Stage) -> Iterator[str]:
    [relation] = stage.model.state.relations_of(CA)
    for side in relation.sides:
        for databag in (side.settings, *side.units.values()):
            if "PRIVATE KEY" in str(databag.settings):
                yield f"a private key stands in a databag of {side.app}"
    answers = _answers(stage)
    if len({entry["certificate_signing_request"] for entry in answers}) != len(answers):
        yield "a request has two answers"
    for entry in answers:
        leaf, asked = looks.leaf(entry["certificate"]), entry["certificate_signing_request"]
        if leaf is None or looks.key_and_names(asked) != (leaf.key, leaf.names):
            yield "a certificate is not what its request asks for"


def _wrong_in_use(stage: Stage) -> Iterator[str]:
    yield from invariants.what_is_revoked_is_not_served(stage.world)
    used = list(in_use(stage))
    if len({name for name, _ in used}) != len(used):
        yield "a unit has two certificates in use for one request"
    for name, served in used:
        leaf = served.leaf
        if leaf.names != frozenset([name.replace("/", "-")]):
            yield f"{name} uses a certificate of another: {leaf}"
        if leaf.key != served.key:
            yield f"{name} uses a certificate whose key is another"
        if not leaf.is_valid(stage.world.now):
            yield f"{name} uses a certificate that is not valid: {leaf}"


def _wrong_with_secrets(stage: Stage) -> Iterator[str]:
    secrets = stage.model.state.secrets.values()
    for owner, count in collections.Counter(secret.owner.name for secret in secrets).items():
        if count > MOST_SECRETS:
            yield f"{owner} has {count} secrets"
    for secret in secrets:
        if len(secret.revisions) > MOST_REVISIONS:
            yield f"{secret.label} has {len(secret.revisions)} revisions"


def wrong_at_rest(stage: Stage) -> Iterator[str]:
    """Yield what is wrong where nothing is due any more and every unit has looked twice."""
    [relation] = stage.model.state.relations_of(WEB)
    yours = relation.side_of(stage.model.state.uuid, WEB)
    good = {
        entry["certificate_signing_request"]: entry["certificate"].strip()
        for entry in _answers(stage)
        if not entry.get("revoked")
    }
    if len(_answers(stage)) != len(yours.units):
        yield f"{len(_answers(stage))} answers stand for {len(yours.units)} requests"
    used = {name: served.leaf.pem for name, served in in_use(stage)}
    for number, databag in yours.units.items():
        name = f"{WEB}/{number}"
        requests = json.loads(databag.settings["certificate_signing_requests"])
        if len(requests) != 1:
            yield f"{name} has {len(requests)} requests"
        for request in requests:
            if good.get(request["certificate_signing_request"]) != used.get(name, "none"):
                yield f"{name} does not use the good answer to its request"
    owned = collections.Counter(s.owner.name for s in stage.model.state.secrets.values())
    for owner, count in owned.items():
        if count != 2:
            yield f"{owner} has {count} secrets, and needs a key and a certificate"


def _answers(stage: Stage) -> list[dict[str, Any]]:
    [relation] = stage.model.state.relations_of(CA)
    side = relation.side_of(stage.model.state.uuid, CA)
    return json.loads(side.settings.settings.get("certificates", "[]"))


def _revoked(stage: Stage) -> set[str]:
    return {one["certificate"].strip() for one in _answers(stage) if one.get("revoked")}
