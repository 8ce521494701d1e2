"""Hooks inside this process: two ordinary charms, on a clock that the test moves."""

from __future__ import annotations

import datetime
import importlib.util
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import ops
import pytest

from localjuju.inprocess import HookFailedError, LocalModel, World

CHARMS = Path(__file__).parents[2] / "charms"
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def load(name: str) -> type[ops.CharmBase]:
    """Return the class of a test charm."""
    path = CHARMS / name / "src" / "charm.py"
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ops.CharmBase)
    )


GIVER, TAKER = load("secret-giver"), load("secret-taker")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, start=START)


@pytest.fixture
def model(world: World) -> LocalModel:
    """Both charms, deployed and related, at rest."""
    model = world.add_model("m")
    model.deploy(GIVER, CHARMS / "secret-giver", units=2)
    model.deploy(TAKER, CHARMS / "secret-taker", units=3)
    model.integrate("secret-giver", "secret-taker")
    world.settle()
    return model


def _said(model: LocalModel) -> set[tuple[str, str]]:
    return {model.unit_status(f"secret-taker/{number}") for number in range(3)}


def test_settles(model: LocalModel) -> None:
    """Two ordinary charms come to what they would on Juju."""
    assert _said(model) == {("active", "has pass")}


def test_action_and_secret_change(world: World, model: LocalModel) -> None:
    """An action's results come back, and what it changed reaches the readers."""
    task = model.run("secret-giver/leader", "change", word="new")
    assert (task.status, task.results) == ("completed", {"relations": "1"})
    world.settle()
    assert _said(model) == {("active", "has pass-new")}


def test_action_that_fails(model: LocalModel) -> None:
    """What a charm says with event.fail is the task's message."""
    follower = "secret-giver/1"
    task = model.run(follower, "change", word="new")
    assert (task.status, task.message) == ("failed", "run this on the leader")


def test_configuration(world: World, model: LocalModel) -> None:
    """Options reach the charm in a config-changed."""
    model.config("secret-giver", prefix="word")
    ran = world.settle()
    assert {(r.unit, r.name) for r in ran if r.name == "config-changed"} == {
        ("secret-giver/0", "config-changed"),
        ("secret-giver/1", "config-changed"),
    }
    assert _said(model) == {("active", "has word")}


def test_killed_at_each_tool_call(world: World, model: LocalModel) -> None:
    """Killed at any tool call, the hook is run again, and all ends as if nothing had been."""
    world.settle()
    at = 1
    while True:
        world.crash_at["secret-giver/0"] = at
        model.config("secret-giver", prefix=f"word{at}")
        first = next(ran for ran in world.settle() if ran.unit == "secret-giver/0")
        if first.error is None:
            break
        assert _said(model) != {("active", f"has word{at}")}
        world.advance(datetime.timedelta(seconds=5))
        assert _said(model) == {("active", f"has word{at}")}
        at += 1
    assert at > 5


def test_uncaught_exception_fails_the_hook(world: World, tmp_path: Path) -> None:
    """A charm that raises has failed; the test that did not expect it sees why."""

    class Bad(ops.CharmBase):
        def __init__(self, framework: ops.Framework) -> None:
            super().__init__(framework)
            raise ValueError("the reason")

    model = world.add_model("m")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "charmcraft.yaml").write_text("name: bad\n")
    model.deploy(Bad, tmp_path / "bad")
    with pytest.raises(HookFailedError, match="install of bad/0 failed") as caught:
        world.settle()
    assert isinstance(caught.value.__cause__, ValueError)
    assert model.state.unit("bad/0").failure is not None


def test_time_passes_through_what_falls_due(world: World, model: LocalModel) -> None:
    """Advancing runs update-status at each of its moments, not once at the end."""
    ran = world.advance(datetime.timedelta(minutes=16))
    assert [r.name for r in ran if r.unit == "secret-taker/1"] == ["update-status"] * 3
    assert world.now == START + datetime.timedelta(minutes=16)
    assert model.world is world


def test_moves_the_charms_clock_along(tmp_path: Path) -> None:
    """Who patches the charm's clock is told each moment."""
    moments: list[datetime.datetime] = []
    world = World(tmp_path, start=START, on_move=moments.append)
    world.advance(datetime.timedelta(seconds=1))
    assert moments == [START, START + datetime.timedelta(seconds=1)]


def test_leadership_moves(world: World, model: LocalModel) -> None:
    """The new leader takes over the application's secrets."""
    model.lead("secret-giver/1")
    world.settle()
    model.run("secret-giver/1", "change", word="by-the-new")
    world.settle()
    assert _said(model) == {("active", "has pass-by-the-new")}


def test_refresh_keeps_the_units_state(world: World, model: LocalModel) -> None:
    """New code is run after upgrade-charm, in the same unit."""
    model.refresh("secret-taker", TAKER, CHARMS / "secret-taker")
    ran = [r.name for r in world.settle() if r.unit == "secret-taker/0"]
    assert ran == ["upgrade-charm", "config-changed"]


def test_removal(world: World, model: LocalModel) -> None:
    """An application that is removed is gone with its units' folders."""
    model.remove_application("secret-taker")
    world.settle()
    assert set(model.state.applications) == {"secret-giver"}
    assert not list(world.folder.glob("*/unit-secret-taker-*"))


def test_leaves_the_process_as_it_was(world: World, model: LocalModel) -> None:
    """Nothing that a charm or ops sets for its process outlives the hook."""

    def process() -> Any:
        root = logging.getLogger()
        return (
            dict(os.environ),
            Path.cwd(),
            root.handlers[:],
            root.level,
            sys.excepthook,
            sys.argv,
            warnings.showwarning,
        )

    before = process()
    model.config("secret-giver", prefix="other")
    world.settle()
    assert process() == before


def test_choice_of_order(world: World) -> None:
    """Whichever unit goes first, drawn at random, the charms come to the same."""
    outcomes: set[frozenset[tuple[str, str]]] = set()
    for number in range(5):
        model = world.add_model(f"m{number}")
        model.deploy(GIVER, CHARMS / "secret-giver", units=2)
        model.deploy(TAKER, CHARMS / "secret-taker", units=3)
        model.integrate("secret-giver", "secret-taker")
        world.settle(choose=world.rng.choice)
        outcomes.add(frozenset(_said(model)))
    assert outcomes == {frozenset({("active", "has pass")})}
