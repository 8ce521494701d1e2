"""Status, as data and as tables, against a recorded one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localjuju import render, views

from .player import FACTS, START, Player, Tool, facts, new_model, recorded_charm

if TYPE_CHECKING:
    from localjuju.hooktools import HookContext

RECORDED = facts("status.json")

ABSENT = {
    # A unit's address is on the loopback interface.
    "machines.*.network-interfaces.eth0",
}
EXTRA = {
    "model.model-status.message",
    "machines.*.network-interfaces.lo",
}


def _paths(value: Any, path: str = "") -> set[str]:
    """Every field of *value* with its type, units, machines and applications made alike."""
    if not isinstance(value, dict):
        return {f"{path}: {type(value).__name__}"}
    named = path.rpartition(".")[2] in {"machines", "applications", "units", "relations"}
    paths: set[str] = set()
    for key, inner in value.items():
        step = "*" if named else key
        paths |= _paths(inner, f"{path}.{step}" if path else step)
    return paths or {f"{path}: empty"}


@pytest.fixture(scope="module")
def status() -> dict[str, Any]:
    """The status of a model like the recorded one."""
    model = new_model()
    player = Player(model)

    def start(tool: Tool, context: HookContext) -> bool:
        for words in ("open-port 8080", "open-port icmp", "application-version-set 1.2.3"):
            tool(*words.split())
        if context.is_leader:
            tool("status-set", "--application", "active", "appmsg")
        return tool("status-set", "active", "ready").code == 0

    player.scripts["start"] = start
    model.deploy(recorded_charm("probe"), "probe", START, units=3)
    model.deploy(recorded_charm("client"), "client", START, units=2)
    model.integrate("probe:db", "client:db")
    player.settle()
    return views.status(model, "lxd", START)


def test_every_field_of_the_record(status: dict[str, Any]) -> None:
    """Status has the fields that Juju's has, of the same types, but for those listed."""
    ours, theirs = _paths(status), _paths(RECORDED)
    missing = {path for path in theirs - ours if not path.startswith(tuple(ABSENT))}
    more = {path for path in ours - theirs if not path.startswith(tuple(EXTRA))}
    assert (missing, more) == (set(), set())


@pytest.mark.parametrize("head", ["App", "Unit"])
def test_tables_as_recorded(head: str) -> None:
    """The tables of applications and units are set as Juju sets them."""
    text = render.status({**RECORDED, "model": {**RECORDED["model"], "model-status": _NOTE}})

    def block(lines: list[str]) -> list[str]:
        start = next(i for i, line in enumerate(lines) if line.startswith(f"{head} "))
        return [line.rstrip() for line in lines[start : lines.index("", start)]]

    recorded = (FACTS / "status.txt").read_text().splitlines()
    ours = block(text.splitlines())
    # Juju groups ports by protocol in its own order, here as in the record's JSON.
    assert [_without_ports(line) for line in ours] == [
        _without_ports(line) for line in block(recorded)
    ]


_NOTE = {"message": ""}


def _without_ports(line: str) -> str:
    return line.replace("icmp 8080/tcp 9000-9002/udp", "8080/tcp 9000-9002/udp icmp")
