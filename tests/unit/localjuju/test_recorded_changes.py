"""Refreshes, units that leave and hooks that fail, as a real Juju ran their hooks.

Each hook fails here where it failed there; what is compared is which hooks come, in which order.
The recorded charm wrote relation data as it went: what that told the others is left out.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from localjuju.model import Model, Unit, hooks

from .player import Player, Tool, as_recorded, facts, new_model, recorded_charm

if TYPE_CHECKING:
    from localjuju.hooktools import HookContext

RECORDED: dict[str, dict[str, list[list[str]]]] = facts("hook_orders_changes.json")
FAILED = "failed"
_SECOND = datetime.timedelta(seconds=1)
RETRIES = "automatically-retry-hooks"

NOTHING_RAN = ["91-refresh-fail/resolveN", "91-refresh-fail/cfg-again"]
"""Steps that ran no hook: a failed hook that is not retried, and an option set to its value."""

LISTED = {
    # The recorded build had peers that are told of one that leaves, and others that are not.
    ("46-remove-leader", "client/2"): [
        ["peer-relation-departed", "peer:1", "client/3", "client", "client/2"]
    ],
}
"""What only the record has."""


class _Story:
    """Plays steps on a model, and keeps what each unit ran in each."""

    def __init__(self) -> None:
        self.model: Model = new_model()
        self.player = Player(self.model)
        self.steps: dict[str, dict[str, list[list[str]]]] = {}
        self._failing: dict[str, list[bool]] = {}
        for name in ("config-changed", "upgrade-charm"):
            self.player.scripts[name] = self._ends_as_recorded

    def _ends_as_recorded(self, _tool: Tool, context: HookContext) -> bool:
        outcomes = self._failing.get(context.unit.name)
        return not (outcomes and outcomes.pop(0))

    def note(self, step: str, *, waits: bool = False) -> None:
        """Settle, and where a hook waits for its retry let it come; keep what was run."""
        recorded = RECORDED.get(step, {})
        self._failing = {u: [row[-1] == FAILED for row in rows] for u, rows in recorded.items()}
        ran: dict[str, list[list[str]]] = defaultdict(list)
        while True:
            for unit, hook in self.player.settle():
                ran[unit].append(as_recorded(hook))
            failed = [unit for unit in self.model.units() if unit.failure is not None]
            for unit in failed:
                self._mark(ran[unit.name], unit)
            moments = [unit.failure.retry_at for unit in failed if unit.failure is not None]
            if not waits or not failed or None in moments:
                break
            self.player.now = max(moment for moment in moments if moment is not None)
        self.steps[step] = {unit: rows for unit, rows in ran.items() if rows}

    def _mark(self, rows: list[list[str]], unit: Unit) -> None:
        """Say of the last hook that a unit ran that it failed."""
        if rows and unit.failure is not None and rows[-1] == [unit.failure.hook.name]:
            rows[-1] = [*rows[-1], FAILED]

    def set(self, app: str, value: str) -> None:
        """Set an option."""
        self.model.set_config(app, {"strdef": value})

    def refresh(self, app: str) -> None:
        """Refresh to another revision of the same charm."""
        charm = self.model.application(app).charm
        self.model.refresh(app, charm, self.model.next_charm_revision(charm.name) + 1)

    def resolve(self, name: str, *, retry: bool) -> None:
        """Do as ``juju resolve`` does."""
        unit = self.model.unit(name)
        unit.resolve = "retry" if retry else "skip"
        if not retry:
            hooks.skip(self.model, unit, self.player.now)


def _units_that_leave() -> _Story:
    story = _Story()
    model = story.model
    model.deploy(recorded_charm("probe"), "probe", model.created, units=3)
    model.deploy(recorded_charm("client"), "client", model.created, units=3)
    model.applications["client"].leader = 2
    story.player.settle()
    model.integrate("probe:db", "client:db")
    story.player.settle()
    model.add_units("client", 1, story.player.now)
    story.player.settle()
    story.refresh("client")
    story.note("44-refresh")
    model.remove_unit(model.unit("client/3"))
    story.note("45-remove-unit")
    model.remove_unit(model.unit("client/2"))
    story.note("46-remove-leader")
    story.set("client", "boom")
    story.note("51-error", waits=True)
    return story


def _hooks_that_fail() -> _Story:
    story = _Story()
    model = story.model
    model.config[RETRIES] = "false"
    model.deploy(recorded_charm("probe"), "rp", model.created, units=2)
    story.player.settle()
    story.player.scripts["rp/0 config-changed"] = lambda _tool, _context: False
    story.set("rp", "fail-ca")
    story.player.settle()
    del story.player.scripts["rp/0 config-changed"]

    def step(name: str) -> None:
        story.note(f"91-refresh-fail/{name}")

    story.resolve("rp/0", retry=True)
    step("resolve-noerror")
    story.refresh("rp")
    step("r")
    story.set("rp", "while-in-error")
    step("cfg-while")
    story.set("rp", "while-in-error")
    step("cfg-again")
    story.resolve("rp/0", retry=True)
    step("resolve")
    story.refresh("rp")
    step("rB")
    story.resolve("rp/0", retry=False)
    step("resolveB")
    for letter in "CF":
        story.set("rp", f"fail-c{letter}")
        step(f"c{letter}")
        story.refresh("rp")
        step(f"r{letter}")
        story.resolve("rp/0", retry=True)
        step(f"resolve{letter}")
    story.set("rp", "fail-cn")
    step("cN")
    story.resolve("rp/0", retry=False)
    step("resolveN")
    model.config[RETRIES] = "true"
    story.refresh("rp")
    step("rR")
    story.player.now += hooks.RETRY_SECONDS[0] * _SECOND
    step("retry")
    return story


@pytest.fixture(scope="module")
def played() -> dict[str, dict[str, list[list[str]]]]:
    """The steps of the record, done here."""
    return {**_units_that_leave().steps, **_hooks_that_fail().steps}


@pytest.mark.parametrize("step", [*RECORDED, *NOTHING_RAN])
def test_as_recorded(step: str, played: dict[str, dict[str, list[list[str]]]]) -> None:
    """Each unit runs what it ran on a real Juju, in that order, but for what is listed."""
    assert _compared(step, played[step]) == _compared(step, RECORDED.get(step, {}))


def _compared(step: str, by_unit: dict[str, list[list[str]]]) -> dict[str, list[list[str]]]:
    kept: dict[str, list[list[str]]] = defaultdict(list)
    for unit, rows in by_unit.items():
        for row in rows:
            told_of_peer = row[0] == "peer-relation-departed" and row[-1] != unit
            if told_of_peer or row in LISTED.get((step, unit), []):
                continue
            # Which of the others is elected is nowhere said.
            kept["elected" if row == ["leader-elected"] else unit].append(row)
    return dict(kept)
