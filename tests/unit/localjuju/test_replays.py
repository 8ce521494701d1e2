"""Sequences of commands that were given to a real Juju, given again here one by one."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import at_rest
from .player import facts
from .test_recorded_verbs import alike, write_charms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .conftest import CommandLine

ID = re.compile(
    r"remote-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}|(?<![0-9a-v])[0-9a-v]{20}(?![0-9a-v])"
)
"""Of applications in other models, of models, and of secrets."""


LABELS = """    hooks/secret-changed) secret-get "$JUJU_SECRET_ID" --label cfg ;;
"""
"""What the recorded charm did with a secret that changed."""

DIFFERENT = {
    "87g0-cmr-secret3/get-uri": "the recorded unit had secrets of its own; in a test of its own",
    "87g0-cmr-secret3/show1": "the recorded charm had removed the first revision in secret-remove",
    "87g0-cmr-secret3/write": "refused at once rather than when the action ends",
    "95-destroy-model-error/add-bad": "Juju says a model's name with its user, or without",
    "89-secret-option-update/cfgnone": "the recorded charm had other options",
    "90-refresh/dirpath": "localjuju takes folders",
    "92-refresh-endpoint/bindb": "there are no spaces to bind an endpoint to",
    "92-refresh-endpoint/bindb2": "there are no spaces to bind an endpoint to",
}


class Replay:
    """Gives recorded commands, with our ids in place of the recorded ones; keeps what differs."""

    def __init__(self, juju: CommandLine, charms: Path) -> None:
        self._juju = juju
        self._charms = charms
        self._ids: dict[str, str] = {}

    def differs(self, record: dict[str, Any]) -> list[str]:
        """Give one command; return in what its answer differs, if in anything."""
        done = self._juju(self._here(record["cmd"]))
        for theirs, ours in zip(ID.findall(record["out"]), ID.findall(done.out), strict=False):
            self._ids.setdefault(theirs, ours)
        found = zip(
            (done.code, _answer(done.out), alike(done.err)),
            (record["rc"], _answer(record["out"]), alike(record["err"])),
            strict=True,
        )
        return [f"{ours!r} rather than {theirs!r}" for ours, theirs in found if ours != theirs]

    def _here(self, command: str) -> str:
        command = command.removeprefix("juju ").replace("lxd:admin/", "")
        command = re.sub(r"\./[a-z]-(\w+)\.charm", rf"{self._charms}/\1", command)
        return ID.sub(lambda found: self._ids.get(found[0], found[0]), command)


def _answer(text: str) -> Any:
    # The shell of the small charm here takes the last line's end from what a command printed.
    # Columns are as wide as what else stands in them.
    text = re.sub(r"^lxd ", "ctl ", text, flags=re.MULTILINE)
    return alike(re.sub(r" {2,}", "  ", text.replace('\\n"', '"')))


@pytest.fixture(scope="module")
def charms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charms")
    write_charms(folder, LABELS)
    return folder


def test_secrets_of_users(juju: CommandLine, model: str, charms: Path) -> None:
    """User secrets as options: added, granted, changed, pruned, revoked and removed."""
    juju.well(f"deploy {charms}/probe rp -n 2")
    juju.wait(at_rest, model)
    assert replay(juju, charms, "replay_secrets.json", (model,)) == {}


def test_offers(juju: CommandLine, charms: Path) -> None:
    """Offers consumed under names of their own, and related: what is taken, what is refused."""
    for name in ("x1", "x2"):
        juju.well(f"add-model {name} --no-switch")
    try:
        juju.well(f"deploy -m x1 {charms}/probe probe -n 2")
        juju.well(f"deploy -m x2 {charms}/client client -n 2")
        for offer in (
            "probe:db",
            "probe:db,db2 both",
            "probe:client up",
        ):
            juju.well(f"offer x1.{offer}")
        juju.well("switch x1")
        for name in ("x1", "x2"):
            juju.wait(at_rest, name)
        assert replay(juju, charms, "replay_offers.json", ("x1", "x2")) == {}
    finally:
        for name in ("x2", "x1"):
            juju.well(f"destroy-model {name} --no-prompt --force")


def test_secrets_across_models(juju: CommandLine, charms: Path) -> None:
    """A secret that is granted over an offer; then the relation goes, and the model by force."""
    for name in ("x1", "x2"):
        juju.well(f"add-model {name} --no-switch")
    try:
        juju.well(f"deploy -m x1 {charms}/probe probe")
        juju.well(f"deploy -m x2 {charms}/client client")
        juju.well("offer x1.probe:db")
        juju.well("integrate -m x2 client:db admin/x1.probe")
        for name in ("x1", "x2"):
            juju.wait(at_rest, name)
        assert replay(juju, charms, "replay_across.json", ("x1",)) == {}
    finally:
        for name in ("x2", "x1"):
            juju(f"destroy-model {name} --no-prompt --force")


def replay(
    juju: CommandLine,
    charms: Path,
    file: str,
    models: tuple[str, ...],
    different: Mapping[str, str] = MappingProxyType(DIFFERENT),
) -> dict[str, list[str]]:
    """Give the commands of a file; return what differs and is not listed."""
    commands, found = Replay(juju, charms), dict[str, list[str]]()
    for record in facts(file):
        differences = commands.differs(record)
        if differences and record["name"] not in different:
            found[record["name"]] = differences
        for model in models:
            juju.wait(lambda status: not status["applications"] or at_rest(status), model)
    return found
