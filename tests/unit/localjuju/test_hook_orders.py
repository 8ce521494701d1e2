"""The order of hooks, against what a real Juju ran, and by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localjuju.model import Model, Unit, hooks

from .player import (
    Player,
    Steps,
    Tool,
    charm,
    facts,
    names,
    new_model,
    recorded_charm,
)

if TYPE_CHECKING:
    from localjuju.hooktools import HookContext

LISTED = {
    # Juju's documentation has peers told of one that leaves; the recorded build did not.
    ("65-scale", "client/0"): [
        ["peer-relation-departed", "peer:1", "client/1", "client", "client/1"]
    ],
    ("67-reintegrate-and-remove-app", "client/0"): [
        ["peer-relation-departed", "peer:1", "client/1", "client", "client/0"]
    ],
}


@pytest.fixture(scope="module")
def played() -> dict[str, dict[str, list[list[str]]]]:
    """The steps of the record, done here: by step and unit, the hooks."""
    model = new_model()
    player = Player(model)
    steps = Steps(player)

    model.deploy(recorded_charm("probe"), "probe", player.now)
    model.deploy(recorded_charm("client"), "client", player.now)
    steps.note("60-deploy")
    model.integrate("probe:db", "client:db")
    steps.note("61-integrate")
    model.add_units("client", 1, player.now)
    steps.note("62-add-unit")
    for unit, words in (
        ("probe/0", ["-r", "db:2", "u=1"]),
        ("probe/0", ["-r", "db:2", "--app", "a=1"]),
        ("client/1", ["-r", "db:2", "u=1"]),
        ("client/1", ["-r", "db:2", "u=2"]),
    ):
        player.in_hook(model, unit, lambda tool, _, w=words: tool("relation-set", *w).code == 0)
        steps.note("63-data")
    for step, values in (
        ("64-config/c", {"strdef": "x1"}),
        ("64-config/c2", {"strdef": "x1"}),
        ("64-config/c3", {"strdef": "x2", "intdef": "9"}),
    ):
        model.set_config("client", values)
        steps.note(step)
    model.remove_unit(model.unit("client/1"))
    steps.note("65-scale")
    model.remove_relation("probe:db", "client:db")
    steps.note("66-remove-relation")
    model.remove_application("client")
    steps.note("67-reintegrate-and-remove-app")
    return steps.ran


@pytest.mark.parametrize("step", [*facts("hook_orders.json"), "64-config/c2"])
def test_as_recorded(step: str, played: dict[str, dict[str, list[list[str]]]]) -> None:
    """Each unit runs what it ran on a real Juju, in that order, but for what is listed."""
    recorded = facts("hook_orders.json").get(step, {})
    assert _unlisted(step, played[step]) == _unlisted(step, recorded)


def _unlisted(step: str, by_unit: dict[str, list[list[str]]]) -> dict[str, list[list[str]]]:
    kept = {
        unit: [row for row in rows if row not in LISTED.get((step, unit), [])]
        for unit, rows in by_unit.items()
    }
    return {unit: rows for unit, rows in kept.items() if rows}


def fails(_tool: Tool, _context: HookContext) -> bool:
    """A hook that fails."""
    return False


def _related() -> tuple[Model, Player]:
    model = new_model()
    model.deploy(charm("server", provides={"db": "sql"}), "server", model.created, units=2)
    model.deploy(charm("client", requires={"db": "sql"}), "client", model.created)
    model.integrate("server", "client")
    player = Player(model)
    player.settle()
    return model, player


def test_remote_application_data_before_its_units() -> None:
    """Where the remote application has data, relation-changed without a unit comes first."""
    model, player = _related()
    player.in_hook(
        model,
        "server/0",
        lambda tool, _: tool("relation-set", "-r", "0", "--app", "a=1").code == 0,
    )
    player.settle()
    model.add_units("client", 1, player.now)
    ran = [hook for who, hook in player.settle() if who == "client/1" and hook.endpoint]
    assert [(h.kind, h.remote_unit) for h in ran[:3]] == [
        ("relation-created", ""),
        ("relation-changed", ""),
        ("relation-joined", "server/0"),
    ]


def test_changes_that_come_together_make_one_hook() -> None:
    """A databag that changed three times before the other side looked is told once."""
    model, player = _related()
    for value in "123":
        player.in_hook(
            model,
            "client/0",
            lambda tool, _, v=value: tool("relation-set", "-r", "0", f"k={v}").code == 0,
        )
    assert names(player.settle(), "server/1") == ["db-relation-changed"]


def test_equal_settings_are_no_change() -> None:
    """Writing what is there already tells nobody."""
    model, player = _related()
    ran = []
    for _ in range(2):
        player.in_hook(
            model, "client/0", lambda tool, _: tool("relation-set", "-r", "0", "k=v").code == 0
        )
        ran.append(len(player.settle()))
    assert ran == [2, 0]


def test_failed_hook_is_retried_later_each_time() -> None:
    """A hook that fails is run again after 5, 10, 20 and 40 seconds, before anything else."""
    model, player = _related()
    player.scripts["server/0 config-changed"] = fails
    model.applications["server"].config_version += 1
    player.settle()
    unit = model.unit("server/0")
    waits: list[float] = []
    for _ in range(4):
        due = hooks.next_moment(model, unit)
        assert due is not None
        waits.append((due - player.now).total_seconds())
        player.now = due
        assert names(player.settle(), "server/0") == ["config-changed"]
    assert waits == [5, 10, 20, 40]


def test_failed_unit_shows_its_hook_and_goes_on() -> None:
    """When the retry succeeds, the unit takes up what came meanwhile."""
    model, player = _related()
    outcomes = iter([False, True])
    player.scripts["server/0 config-changed"] = lambda _tool, _context: next(outcomes)
    model.applications["server"].config_version += 1
    player.settle()
    assert model.unit("server/0").failure is not None
    model.add_units("client", 1, player.now)
    assert "db-relation-joined" not in names(player.settle(), "server/0")
    assert names(player.after(seconds=5), "server/0")[:2] == [
        "config-changed",
        "db-relation-joined",
    ]


@pytest.mark.parametrize(
    ("resolve", "then"),
    [
        pytest.param("retry", ["upgrade-charm", "config-changed"], id="retry"),
        pytest.param("skip", ["config-changed"], id="no retry"),
    ],
)
def test_resolve(resolve: str, then: list[str]) -> None:
    """``resolve`` runs the failed hook again now; with --no-retry it is taken as done."""
    model, player = _related()
    outcomes = iter([False, True])
    player.scripts["server/0 upgrade-charm"] = lambda _tool, _context: next(outcomes)
    model.refresh("server", charm("server", provides={"db": "sql"}), 1)
    player.settle()
    unit = model.unit("server/0")
    unit.resolve = resolve
    if resolve == "skip":
        hooks.skip(model, unit, player.now)
    assert names(player.settle(), "server/0") == then


def test_update_status_by_the_interval() -> None:
    """update-status comes once an interval, which the model's configuration gives."""
    model, player = _related()
    model.config["update-status-hook-interval"] = "1m"
    model.unit("server/0").next_update_status = player.now + model.update_status_interval
    assert names(player.after(seconds=59), "server/0") == []
    assert names(player.after(seconds=1), "server/0") == ["update-status"]
    assert names(player.after(seconds=59), "server/0") == []


def test_leader_that_moves() -> None:
    """Another unit is told that it leads; the old one is told again when it leads again."""
    model, player = _related()
    app = model.applications["server"]
    for expected in (1, 0):
        hooks.move_leadership(app)
        assert app.leader == expected
        assert names(player.settle(), f"server/{expected}") == ["leader-elected"]


def test_leader_removed() -> None:
    """When the leader has gone, another unit is elected."""
    model, player = _related()
    model.remove_unit(model.unit("server/0"))
    ran = player.settle()
    assert model.applications["server"].leader == 1
    assert names(ran, "server/1")[-1] == "leader-elected"


def test_removed_application_takes_its_relations_along() -> None:
    """The other side departs and breaks; then nothing is left of application and relation."""
    model, player = _related()
    model.remove_application("client")
    ran = player.settle()
    assert names(ran, "server/0") == ["db-relation-departed", "db-relation-broken"]
    assert names(ran, "client/0")[-2:] == ["stop", "remove"]
    assert "client" not in model.applications
    assert not [r for r in model.relations.values() if not r.is_peer]


def test_application_removed_by_force_from_a_relation() -> None:
    """When its units are gone at once, the application goes as soon as the other side has left."""
    model, player = _related()
    model.remove_application("client")
    model.forget_unit(model.unit("client/0"))
    ran = player.settle()
    assert names(ran, "server/0") == ["db-relation-departed", "db-relation-broken"]
    assert "client" not in model.applications


def test_relation_removed_while_nobody_entered_it() -> None:
    """A relation that is removed before any unit saw it runs no hook."""
    model, player = _related()
    model.deploy(charm("late", requires={"db": "sql"}), "late", player.now)
    model.integrate("server", "late")
    model.remove_relation("server", "late")
    ran = player.settle()
    assert not [hook for _, hook in ran if hook.endpoint]


def test_dying_unit_that_never_installed_goes_without_hooks() -> None:
    """A unit that is removed before its install runs nothing."""
    model, player = _related()
    unit: Unit = model.add_units("client", 1, player.now)[0]
    model.remove_unit(unit)
    assert names(player.settle(), unit.name) == []
    assert unit.number not in model.applications["client"].units


def test_stop_after_a_reboot() -> None:
    """A unit that is removed while its machine is off still stops when it is back."""
    model, player = _related()
    unit = model.unit("client/0")
    unit.paused = True
    model.remove_unit(unit)
    assert names(player.settle(), "client/0") == []
    hooks.reboot(unit)
    assert names(player.settle(), "client/0")[-2:] == ["stop", "remove"]


def test_joined_again_after_relating_again() -> None:
    """A relation that is made anew has a new number and tells everything anew."""
    model, player = _related()
    model.remove_relation("server", "client")
    player.settle()
    model.integrate("server", "client")
    first = [hook for who, hook in player.settle() if who == "client/0"]
    assert (first[0].kind, first[0].relation_id) == ("relation-created", 1)


def test_charm_changed_then_configured() -> None:
    """A refresh runs upgrade-charm, then config-changed."""
    model, player = _related()
    model.refresh("server", charm("server", provides={"db": "sql"}), 1)
    assert names(player.settle(), "server/0") == ["upgrade-charm", "config-changed"]


def test_at_rest() -> None:
    """At rest nothing is due, however often one looks."""
    _, player = _related()
    assert player.settle() == []
    assert player.after(minutes=4) == []


def test_departed_unit_is_still_read() -> None:
    """In relation-departed the settings of the unit that has left can be read."""
    model, player = _related()
    read: list[str] = []

    def departed(tool: Tool, _: HookContext) -> bool:
        read.append(tool("relation-get", "ingress-address").out)
        return True

    player.scripts["server/0 db-relation-departed"] = departed
    address = model.unit("client/0").address
    model.remove_unit(model.unit("client/0"))
    player.settle()
    assert read == [f"{address}\n"]


def test_refreshed_before_it_was_installed() -> None:
    """A unit that has not been installed yet begins with the newest charm."""
    model = new_model()
    player = Player(model)
    model.deploy(charm("server", provides={"db": "sql"}), "server", player.now)
    model.refresh("server", charm("server", provides={"db": "sql"}), 1)
    assert "upgrade-charm" not in names(player.settle(), "server/0")


def test_failed_hook_of_a_relation_that_went() -> None:
    """When a relation is removed by force, the failed hook about it is forgotten."""
    model, player = _related()
    player.scripts["server/0 db-relation-changed"] = fails
    player.in_hook(
        model, "client/0", lambda tool, _: tool("relation-set", "-r", "0", "k=v").code == 0
    )
    player.settle()
    assert model.unit("server/0").failure is not None
    relation = model.relations[0]
    for side in relation.sides:
        for number in list(side.units):
            side.leave(number)
    model.break_relation(relation)
    assert player.after(minutes=1) == []
