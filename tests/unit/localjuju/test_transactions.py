"""A hook is a transaction: what it wrote is seen by others when it has ended well, or never."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest

from localjuju.hooktools import CommitError, HookContext, run
from localjuju.model import Hook, Model, hooks

from .player import Player, charm, new_model

if TYPE_CHECKING:
    from collections.abc import Callable

WRITES = (
    ("relation-set", "-r", "1", "k=v"),
    ("relation-set", "-r", "1", "--app", "k=v"),
    ("secret-add", "word=one", "--label", "new"),
    ("secret-set", "OLD", "word=two", "--label", "other", "--expire", "1h"),
    ("secret-grant", "OLD", "-r", "1"),
    ("secret-get", "OLD", "--refresh"),
    ("secret-revoke", "OLD", "-r", "1"),
    ("secret-remove", "OLD"),
    ("state-set", "k=v"),
    ("state-delete", "old"),
    ("open-port", "80"),
    ("close-port", "22"),
    ("relation-set", "-r", "0", "k=v"),
)


def _scene() -> tuple[Model, Player, str]:
    model = new_model()
    player = Player(model)
    model.deploy(
        charm("owner", provides={"db": "sql"}, peers={"peer": "p"}), "owner", player.now, units=2
    )
    model.deploy(charm("reader", requires={"db": "sql"}), "reader", player.now)
    model.integrate("owner", "reader")
    player.settle()
    made: list[str] = []

    def before(tool: Any, _: object) -> bool:
        made.append(tool("secret-add", "word=one", "--label", "old").out.strip())
        tool("state-set", "old=1")
        tool("open-port", "22")
        return True

    player.in_hook(model, "owner/0", before)
    player.settle()
    return model, player, made[0]


def _seen(model: Model) -> Any:
    """All that others can see of what a hook of owner/0 may write."""
    unit = model.unit("owner/0")
    bags = {
        (i, side.app): (
            dict(side.settings.settings),
            {n: b.settings for n, b in side.units.items()},
        )
        for i, relation in model.relations.items()
        for side in relation.sides
    }
    secrets = {i: copy.deepcopy(vars(s)) for i, s in model.secrets.items()}
    return copy.deepcopy((bags, secrets, unit.state, unit.ports))


@pytest.mark.parametrize("last", range(len(WRITES) + 1))
def test_killed_at_each_tool_call(last: int) -> None:
    """A hook that ends badly after any of its tool calls leaves the model as it was."""
    model, player, old = _scene()
    before = _seen(model)

    def killed(tool: Any, _: object) -> bool:
        for words in WRITES[:last]:
            answer = tool(*(old if word == "OLD" else word for word in words))
            assert answer.code == 0, answer.err
        return False

    player.scripts["owner/0 config-changed"] = killed
    model.applications["owner"].config_version += 1
    player.settle()
    assert _seen(model) == before
    assert model.unit("owner/0").failure is not None


def test_a_hundred_hooks_killed_at_every_tool_call() -> None:
    """Whatever a hook calls, in whichever order, killed at any call it has changed nothing."""
    rng = random.Random(7)
    model, player, old = _scene()
    player.settle()
    before = _seen(model)
    for _ in range(100):
        calls = [rng.choice(WRITES) for _ in range(rng.randint(1, 12))]
        for last in range(len(calls) + 1):

            def killed(tool: Any, _: object, calls: list[tuple[str, ...]] = calls[:last]) -> bool:
                for words in calls:
                    tool(*(old if word == "OLD" else word for word in words))
                return False

            assert not player.in_hook(model, "owner/0", killed)
            assert _seen(model) == before


def test_all_of_it_when_it_ends_well() -> None:
    """The same hook, ended well, has changed all of these things."""
    model, player, old = _scene()
    before = _seen(model)

    def well(tool: Any, _: object) -> bool:
        return all(
            tool(*(old if word == "OLD" else word for word in words)).code == 0 for words in WRITES
        )

    assert player.in_hook(model, "owner/0", well)
    assert all(a != b for a, b in zip(before, _seen(model), strict=True))


def test_own_writes_are_read_back() -> None:
    """The hook itself reads what it has written, and nobody else does yet."""
    model, player, _ = _scene()

    def script(tool: Any, _: object) -> bool:
        tool("relation-set", "-r", "1", "k=v")
        tool("relation-set", "-r", "1", "--app", "a=b")
        tool("state-set", "s=1")
        theirs = HookContext(model, model.unit("reader/0"), lambda: player.now)
        assert "k" not in theirs.model.relations[1].sides[0].units[0].settings
        return (
            tool("relation-get", "-r", "1", "k", "owner/0").out,
            tool("relation-get", "-r", "1", "--app", "a", "owner").out,
            tool("state-get", "s").out,
        ) == ("v\n", "b\n", "1\n")

    assert player.in_hook(model, "owner/0", script)


def _of_unit(model: Model) -> str:
    return model.unit("owner/0").workload.message


def _of_application(model: Model) -> str:
    status = model.applications["owner"].status
    return status.message if status else ""


def _of_log(model: Model) -> str:
    return next(line.message for line in model.log if line.module.endswith("juju-log"))


@pytest.mark.parametrize(
    ("words", "see"),
    [
        pytest.param(("status-set", "blocked", "why"), _of_unit, id="unit"),
        pytest.param(
            ("status-set", "--application", "blocked", "why"), _of_application, id="application"
        ),
        pytest.param(("juju-log", "why"), _of_log, id="log"),
    ],
)
def test_seen_at_once(words: tuple[str, ...], see: Callable[[Model], str]) -> None:
    """Status and log lines stay although the hook fails."""
    model, player, _ = _scene()
    player.scripts["owner/0 config-changed"] = lambda tool, _: bool(tool(*words).code)
    model.applications["owner"].config_version += 1
    player.settle()
    assert see(model) == "why"


def test_action_log_is_seen_at_once() -> None:
    """Who waits for an action sees what it logs while it runs."""
    model, player, _ = _scene()
    task = model.enqueue(model.unit("owner/0"), "0", "juju-exec", {}, player.now, command="true")
    task.command = ""
    context = HookContext(model, model.unit("owner/0"), lambda: player.now, task=task)
    run(context, ["action-log", "working"], read_file=str)
    assert [text for _, text in task.log] == ["working"]


def test_leader_lost_in_the_middle() -> None:
    """What only a leader may write is not written when the unit has ceased to be it meanwhile."""
    model, player, _ = _scene()
    before = _seen(model)

    def script(tool: Any, _: object) -> bool:
        tool("relation-set", "-r", "1", "k=v")
        tool("relation-set", "-r", "1", "--app", "k=v")
        hooks.move_leadership(model.applications["owner"])
        return True

    with pytest.raises(CommitError, match="not the leader"):
        player.in_hook(model, "owner/0", script)
    assert _seen(model) == before


def test_relation_gone_in_the_middle() -> None:
    """Settings for a relation that went while the hook ran are nobody's, and the hook is well."""
    model, player, _ = _scene()

    def script(tool: Any, _: object) -> bool:
        tool("relation-set", "-r", "1", "k=v")
        relation = model.relations[1]
        for side in relation.sides:
            side.units.clear()
        model.break_relation(relation)
        return True

    assert player.in_hook(model, "owner/0", script)
    assert 1 not in model.relations


@pytest.mark.parametrize(
    ("unit", "words", "error"),
    [
        pytest.param(
            "owner/1",
            ("relation-set", "-r", "1", "--app", "k=v"),
            "cannot write relation settings",
            id="follower writes the application's",
        ),
        pytest.param(
            "owner/1",
            ("relation-get", "-r", "1", "--app", "-", "owner"),
            "permission denied",
            id="follower reads its application's",
        ),
        pytest.param(
            "owner/0",
            ("relation-get", "-r", "1", "-", "owner/1"),
            "permission denied",
            id="a fellow's, where they are no peers",
        ),
    ],
)
def test_who_may_not(unit: str, words: tuple[str, ...], error: str) -> None:
    """Databags are closed to whom Juju closes them."""
    model, player, _ = _scene()
    answers: list[Any] = []

    def script(tool: Any, _: object) -> bool:
        answers.append(tool(*words))
        return True

    player.in_hook(model, unit, script)
    assert (answers[0].code, answers[0].err) == (1, f"ERROR {error}\n")


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        pytest.param("owner/1", ("-r", "0", "--app", "-", "owner"), id="peers read the leader's"),
        pytest.param("owner/1", ("-r", "0", "-", "owner/0"), id="peers read each other"),
        pytest.param("reader/0", ("-r", "1", "--app", "-", "owner"), id="the other application's"),
        pytest.param("reader/0", ("-r", "1", "-", "owner/1"), id="the other side's units"),
    ],
)
def test_who_may(unit: str, words: tuple[str, ...]) -> None:
    """Databags are open to whom Juju opens them."""
    model, player, _ = _scene()
    assert player.in_hook(
        model,
        unit,
        lambda tool, _: tool("relation-get", *words).code == 0,
        Hook("update-status"),
    )


def test_texts_stay_as_they_are_written() -> None:
    """What YAML would take for a number, a date or a truth is text in a databag and in state."""
    model, player, _ = _scene()
    text = "{flag: true, version: 1.10, day: 2026-01-01, none: null, quoted: 'null'}"
    wanted = {"flag": "true", "version": "1.10", "day": "2026-01-01", "quoted": "null"}

    def write(tool: Any, _: object) -> bool:
        written = [
            tool("relation-set", "-r", "1", "--file", "-", stdin=text),
            tool("state-set", "--file", "-", stdin=text),
        ]
        return all(answer.code == 0 for answer in written)

    assert player.in_hook(model, "owner/0", write)
    databag = model.relations[1].side_of(model.uuid, "owner").units[0].settings
    assert wanted.items() <= databag.items()
    assert "none" not in databag
    assert model.unit("owner/0").state == {"old": "1", "none": "", **wanted}
