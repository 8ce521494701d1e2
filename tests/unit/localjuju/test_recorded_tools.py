"""Hook tools and environments, against what a real Juju answered."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from localjuju.hooktools import Folders, HookContext, environment, run
from localjuju.model import Hook, Model, Task

from .player import START, Player, facts, new_model, recorded_charm

LEADER = "leader in db-relation-changed of probe/2"
FOLLOWER = "follower in db-relation-changed of probe/2"
INSTALL = "follower in install"

DIFFERENT = {
    "resource-get thing": "names no server that it could not download from",
    "resource-get nosuch": "names no server that it could not download from",
    "juju-reboot --help": "there is no machine to reboot",
    "storage-get": "there is no storage",
    "help-tool": "not there",
    "goal-state --format json": "in install: the record has units on machines that are not up yet",
}
"""Calls whose answer is another on purpose."""

NOT_FOR_FOLLOWERS = {
    "relation-get --format json - client --app",
    "relation-get --app --format json - client",
    "relation-get --app --format json - client/0",
}
"""A follower reads its own application's databag in the recorded build; the documentation has
only the leader do so."""


@pytest.fixture(scope="module")
def model() -> Model:
    """Three units of each charm, related, that have written what those of the record wrote."""
    model = new_model()
    player = Player(model)

    def created(tool: Any, context: HookContext) -> bool:
        app, unit = context.unit.app, context.unit.name
        relation = str(context.hook.relation_id) if context.hook else ""
        tool("relation-set", "-r", relation, f"from-{app}={unit}", "const=1")
        if context.is_leader:
            tool("relation-set", "-r", relation, "--app", f"appkey={app}")
        return True

    def install(tool: Any, context: HookContext) -> bool:
        for words in (
            "open-port 8080/tcp",
            "open-port 9000-9002/udp",
            "open-port icmp",
            "state-set k1=v1 k2=v2",
            "state-delete k2",
            "application-version-set 1.2.3",
        ):
            tool(*words.split())
        if context.is_leader:
            tool("status-set", "--application", "active", "appmsg")
        return True

    player.scripts |= {
        "install": install,
        "start": lambda tool, _: tool("status-set", "active", "ready").code == 0,
        "peer-relation-created": created,
        "db-relation-created": created,
    }
    for name in ("probe", "client"):
        model.deploy(recorded_charm(name), name, START, units=3)
    # The record has the third unit of client as its leader.
    model.applications["client"].leader = 2
    player.settle()
    model.integrate("probe:db", "client:db")
    player.settle()
    return model


CHANGED = Hook("relation-changed", "db", 2, "probe", "probe/2")


def _context(model: Model, where: str) -> HookContext:
    unit = model.unit("client/2" if where == LEADER else "client/0")
    return HookContext(model, unit, lambda: START, hook=CHANGED)


def _alike(text: str) -> Any:
    """The same for every address, id, time and network card."""
    text = re.sub(r"\b(?:10|127)(?:\.\d+){3}(/(?:24|8)\b)?", "ADDRESS", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[ T][\d:.]+Z", "TIME", text)
    text = re.sub(r'"(mac-address|interface-name)":"[^"]*"', r'"\1":""', text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _calls() -> list[Any]:
    return [
        pytest.param(where, call, id=f"{where}: {call['cmd']}")
        for where in (LEADER, FOLLOWER)
        for call in {call["cmd"]: call for call in facts("tools.json")[where]}.values()
        if call["cmd"] not in {*DIFFERENT} - {"goal-state --format json"}
        and not (where == FOLLOWER and call["cmd"] in NOT_FOR_FOLLOWERS)
    ]


@pytest.mark.parametrize(("where", "call"), _calls())
def test_answer_as_recorded(model: Model, where: str, call: dict[str, Any]) -> None:
    """The exit status, the output and the error of a hook tool are Juju's."""
    answer = run(_context(model, where), shlex.split(call["cmd"]), read_file=str)
    assert _comparable(answer.code, answer.out, answer.err) == _comparable(
        call["rc"], call["out"], call["err"]
    )


def _comparable(code: int, out: str, err: str) -> tuple[int, Any, str]:
    return code, _alike(out), err


def test_install_hook_as_recorded() -> None:
    """A whole install hook, replayed call by call, gets the answers that it got on Juju."""
    model = new_model()
    player = Player(model)
    wrong: list[Any] = []

    def replay(tool: Any, _: HookContext) -> bool:
        for call in facts("tools.json")[INSTALL]:
            # A name that is no hook tool never comes to localjuju: the shell says so.
            if call["cmd"] in DIFFERENT or call["rc"] == 127:
                continue
            answer = tool(*shlex.split(call["cmd"]))
            ours = _comparable(answer.code, answer.out, answer.err)
            if ours != _comparable(call["rc"], call["out"], call["err"]):
                wrong.append((call["cmd"], ours))
        return True

    model.deploy(recorded_charm("client"), "client", START, units=3)
    model.applications["client"].leader = 2
    player.scripts["client/0 install"] = replay
    player.settle()
    assert wrong == []


HOOKS = {
    "install": Hook("install"),
    "update-status": Hook("update-status"),
    "relation-created": Hook("relation-created", "db", 2, "probe"),
    "relation-joined": Hook("relation-joined", "db", 2, "probe", "probe/0"),
    "relation-changed of an application": Hook("relation-changed", "db", 2, "probe"),
    "relation-departed": Hook("relation-departed", "db", 2, "probe", "probe/0", "client/3"),
    "relation-broken": Hook("relation-broken", "db", 2, "probe"),
    "secret-changed": Hook(
        "secret-changed", secret="ID", secret_uri="secret:ID", secret_label="l"
    ),
    "secret-expired": Hook("secret-expired", secret="ID", secret_uri="ID", secret_revision=1),
    "secret-remove": Hook("secret-remove", secret="ID", secret_uri="ID", secret_revision=1),
    "action": None,
}

OURS = {
    # Facts about a machine and a cloud, which there are not; and the order of PATH.
    "CHARM_DIR",
    "JUJU_CHARM_DIR",
    "JUJU_AGENT_SOCKET_ADDRESS",
    "JUJU_API_ADDRESSES",
    "JUJU_AVAILABILITY_ZONE",
    "JUJU_CONTEXT_ID",
    "JUJU_MACHINE_ID",
    "JUJU_MODEL_NAME",
    "JUJU_MODEL_UUID",
    "JUJU_UNIT_NAME",
    "JUJU_SECRET_ID",
    "JUJU_SECRET_LABEL",
    "JUJU_ACTION_TAG",
    "JUJU_ACTION_UUID",
    "PATH",
}


@pytest.mark.parametrize("name", facts("environments.json"))
def test_environment_as_recorded(model: Model, name: str) -> None:
    """A hook has the variables that Juju gives it, no more and no fewer."""
    task = Task("1", "0", "client/0", "ok", {}, START) if name == "action" else None
    context = HookContext(
        model, model.unit("client/0"), lambda: START, hook=HOOKS[name], task=task
    )
    ours = {**environment(context, "id", Folders("", "", "")), "PATH": ""}
    recorded = facts("environments.json")[name]
    assert set(ours) == set(recorded)
    assert {k: v for k, v in ours.items() if k not in OURS} == {
        k: v for k, v in recorded.items() if k not in OURS
    }


@pytest.mark.parametrize(
    ("name", "form"),
    [
        pytest.param("secret-changed", "secret:{}", id="changed has a scheme"),
        pytest.param("secret-expired", "{}", id="expired has none"),
        pytest.param("secret-remove", "{}", id="remove has none"),
    ],
)
def test_recorded_form_of_secret_ids(name: str, form: str) -> None:
    """The record itself names secrets as our hooks do."""
    recorded = facts("environments.json")[name]["JUJU_SECRET_ID"]
    assert recorded == form.format(recorded.removeprefix("secret:"))
