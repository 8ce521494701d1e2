"""Hooks inside this process: two ordinary charms, on a clock that the test moves."""

from __future__ import annotations

import datetime
import importlib.util
import logging
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import ops
import pytest
from ops_tracing import _export

from localjuju.inprocess import AFTER_ALL, Expiry, HookFailedError, LocalModel, World
from localjuju.inprocess.process import Killed
from localjuju.model import JujuError

CHARMS = Path(__file__).parents[2] / "charms"
SECOND = datetime.timedelta(seconds=1)
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


def test_traces_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody's traces are kept in this process, and whether that stands, is no matter."""
    assert ops.tracing is not None
    backend = ops.tracing._backend  # noqa: SLF001 (what `ops.testing` leaves, once in a while)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.setattr(backend, "_exporter", _export.BufferingSpanExporter(gone / "traces.db"))
    shutil.rmtree(gone)
    model = World(tmp_path / "world", start=START).add_model("m")
    model.deploy(GIVER, CHARMS / "secret-giver")
    model.world.settle()
    assert model.unit_status("secret-giver/0")[0] == "active"


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


def test_hook_that_cannot_be_committed(world: World, model: LocalModel) -> None:
    """With `AFTER_ALL` a hook runs to its end, and nothing that it wrote is there."""
    world.crash_at["secret-giver/0"] = AFTER_ALL
    model.config("secret-giver", prefix="other")
    killed = next(ran for ran in world.settle() if ran.unit == "secret-giver/0")
    assert killed.error is not None
    assert _said(model) != {("active", "has other")}
    world.advance(datetime.timedelta(seconds=5))
    again = next(ran for ran in reversed(world.ran) if ran.name == "config-changed")
    assert (again.unit, again.tools) == (killed.unit, killed.tools)
    assert _said(model) == {("active", "has other")}


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


def test_killed_in_the_hook_that_was_named(world: World, model: LocalModel) -> None:
    """A crash waits for its hook, and leaves others alone."""
    world.crash("secret-giver/0", 1, "update-status")
    model.config("secret-giver", prefix="word")
    assert all(ran.error is None for ran in world.settle())
    ran = world.advance(datetime.timedelta(minutes=5, seconds=5))
    errors = [(r.name, type(r.error)) for r in ran if r.unit == "secret-giver/0"]
    assert errors == [("update-status", Killed), ("update-status", type(None))]


def test_one_unit_alone(world: World, model: LocalModel) -> None:
    """One unit is led through what it is due while the others wait."""
    model.config("secret-giver", prefix="word")
    ran = world.step_of(model, "secret-giver/1")
    assert ran is not None
    assert (ran.unit, ran.name) == ("secret-giver/1", "config-changed")
    assert world.step_of(model, "secret-giver/1") is None
    assert {unit.name for _, unit in world.due()} == {"secret-giver/0"}


def test_peer_that_lies(world: World, model: LocalModel) -> None:
    """What is put into a databag reaches the other side as if it had been written there."""
    model.tamper("secret-giver", "door", {"secret": "secret:00000000000000000000"})
    ran = world.settle(allow_failures=True)
    assert {r.name for r in ran if r.unit == "secret-taker/0"} == {"door-relation-changed"}
    assert all(isinstance(r.error, ops.SecretNotFoundError) for r in ran)
    model.tamper("secret-giver", "door", {"secret": ""})
    world.advance(datetime.timedelta(minutes=1))
    assert model.unit_status("secret-taker/0") == ("blocked", "no password yet")
    with pytest.raises(JujuError, match="no such relation"):
        model.tamper("secret-giver", "door", {}, relation=7)


def test_application_that_vanishes(world: World, model: LocalModel) -> None:
    """Its units run nothing; the other side departs, breaks, and lives on."""
    model.kill_application("secret-giver")
    ran = world.settle()
    assert {r.unit.partition("/")[0] for r in ran} == {"secret-taker"}
    assert [r.name for r in ran if r.unit == "secret-taker/0"] == [
        "door-relation-departed",
        "door-relation-departed",
        "door-relation-broken",
    ]
    assert set(model.state.applications) == {"secret-taker"}
    assert not list(world.folder.glob("*/unit-secret-giver-*"))


def _across(world: World, takers: int = 1) -> tuple[LocalModel, LocalModel]:
    """Return a model that offers, and one that has taken the offer, at rest."""
    there, here = world.add_model("there"), world.add_model("here")
    there.deploy(GIVER, CHARMS / "secret-giver")
    here.deploy(TAKER, CHARMS / "secret-taker", units=takers)
    there.offer("secret-giver", "door")
    here.consume(there, "secret-giver", "giver")
    here.integrate("giver", "secret-taker")
    world.settle()
    return there, here


def test_across_models(world: World) -> None:
    """An offer of one model is related in another; who offers sees a token for a name."""
    _, here = _across(world)
    [relation] = here.state.relations_of("secret-taker")
    assert {side.seen_as.partition("-")[0] for side in relation.sides} == {"remote", "giver"}
    assert here.unit_status("secret-taker/0") == ("active", "has pass")


def _departures(world: World) -> list[str]:
    return [
        ran.unit
        for ran in world.settle()
        if ran.model == "there" and ran.name.endswith("-relation-departed")
    ]


@pytest.mark.parametrize(("told", "units"), [(True, ["secret-giver/0"]), (False, [])])
def test_departure_across_models(world: World, told: bool, units: list[str]) -> None:
    """Who offers hears of a unit that leaves at once or, as chosen, when the relation goes."""
    there, here = _across(world, takers=2)
    there.departures_across(told=told)
    here.remove_unit("secret-taker/1")
    assert _departures(world) == units
    here.remove_relation("giver", "secret-taker")
    assert len(_departures(world)) == 2 - len(units)
    assert not there.state.relations_of("secret-giver")[1:]


def test_consuming_what_is_not_offered(world: World) -> None:
    """An offer that there is not cannot be consumed; the message has its name."""
    there, here = world.add_model("there"), world.add_model("here")
    with pytest.raises(JujuError, match=r"admin/there\.giver"):
        here.consume(there, "giver")


def test_unit_that_is_cut_off(world: World, model: LocalModel) -> None:
    """It runs nothing, and hears what came last when it is back."""
    model.pause("secret-taker/0")
    model.config("secret-giver", prefix="word")
    world.settle()
    assert model.unit_status("secret-taker/0") == ("active", "has pass")
    model.resume("secret-taker/0")
    assert [r.name for r in world.settle()] == ["secret-changed"]
    assert model.unit_status("secret-taker/0") == ("active", "has word")


def test_expiry_that_is_lost(world: World, model: LocalModel) -> None:
    """A revision that expires is told of when it is due, or never."""
    (secret,) = model.state.secrets.values()
    secret.revisions[1].expires = world.now + datetime.timedelta(seconds=90)
    before = world.snapshot()
    told: dict[Expiry, list[datetime.timedelta]] = {}
    for way in Expiry:
        world.restore(before)
        model.expiry(way)
        told[way] = []
        for second in range(1, 100):
            if any(r.name == "secret-expired" for r in world.advance(SECOND)):
                told[way].append(second * SECOND)
    assert told == {
        Expiry.EXACT: [90 * SECOND],
        Expiry.EARLY: [60 * SECOND],
        Expiry.LOST: [],
    }
