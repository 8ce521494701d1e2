"""The verbs of the command line, against what a real Juju printed and how it ended."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .player import FACTS, facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import CommandLine

CLI = facts("cli.json")

DISPATCH = """#!/bin/sh
case "$JUJU_DISPATCH_PATH" in
    hooks/start) status-set active ready ;;
    actions/ok)
        echo to stdout
        echo to stderr >&2
        action-log working on it
        action-set result=fine nested.a=1 nested.b=two dup=2
        ;;
    actions/crash)
        echo before the crash
        echo trace: crash >&2
        exit 3
        ;;
    actions/slow)
        action-log sleeping
        sleep "$(action-get seconds)"
        ;;
    actions/do)
        sh -c "$(action-get cmd)" > ../out 2> ../err
        action-set rc=$? out="$(cat ../out)" err="$(cat ../err)"
        ;;
esac
"""


def write_charms(folder: Path, hooks: str = "") -> None:
    """Write the recorded charms, which do in their hooks and actions what those did.

    Args:
        folder: Where each has a folder of its own.
        hooks: More cases for `DISPATCH`.
    """
    for name in ("probe", "client"):
        shutil.copytree(FACTS / "charms" / name, folder / name)
        dispatch = folder / name / "dispatch"
        dispatch.write_text(DISPATCH.replace("    actions/ok)", f"{hooks}    actions/ok)"))
        dispatch.chmod(0o755)


DIFFERENT = {
    "01-deploy/models": "there is no model of the controller's own",
    "01-deploy/show-model": "names its own kind of cloud, and counts other machines",
    "04-integrate/ambiguous": "lists the same candidates in another order",
    "04-integrate/again": "in a test of its own, with its preparation",
    "05-config/trustget": "asks for what a call that is not compared had set",
    "06-actions/badparam": "the library that checks parameters has its own words",
    "07-secrets/u-remove-rev": "asks for what a call that is not compared had pruned",
    "10-remove-relation/again": "in a test of its own, with its preparation",
    "19-remove-app/noprompt": "client had lost a unit by then",
    "71-misc/resolved": "names the unit by its name, since there is no id of it",
}
"""Records that are not compared, and why."""


@pytest.fixture(scope="module")
def both(juju: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model named ``t`` as in the record, with the recorded charms, deployed but not related."""
    folder = tmp_path_factory.mktemp("charms")
    write_charms(folder)
    for name in ("probe", "client"):
        shutil.make_archive(str(folder / name), "zip", folder / name)
    juju.well("add-model t")
    juju.well("add-model x1 --no-switch")
    juju.well("switch t")
    juju.well(f"deploy {folder}/probe -n 3")
    juju.well(f"deploy {folder}/probe -m x1")
    juju.well(f"deploy {folder}/client -n 2")
    juju.wait(lambda s: json.dumps(s).count('"message": "ready"') >= 5, "t")
    yield str(folder)
    for model in ("t", "x1"):
        juju.well(f"destroy-model {model} --no-prompt --force")


def _here(command: str, folder: str) -> str:
    """A recorded command, for this controller and these charms."""
    command = command.removeprefix("juju ").replace("lxd:admin/", "")
    command = re.sub(r"\./(probe|client)\.charm", rf"{folder}/\1", command)
    return command.replace("./thing.txt", f"{folder}/probe/metadata.yaml")


def alike(text: str) -> Any:
    """The same for every time, id, number and name of a controller."""
    text = re.sub(r"\d+ (second|minute)s? ago|just now", "just now", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    text = re.sub(r"secret:[0-9a-v]{20}", "secret:ID", text)
    text = re.sub(r"(?<![0-9a-v])[0-9a-v]{20}(?![0-9a-v])", "ID", text)
    # How long a real model takes to go is its machines' doing.
    text = re.sub(r"\n+Waiting for model to be removed.*", "", text)
    text = re.sub(r"remote-[0-9a-f]{32}", "remote-TOKEN", text)
    text = re.sub(r"\b(?:10|127)(?:\.\d+){3}(/(?:24|8)\b)?", "ADDRESS", text)
    text = re.sub(r'"(mac-address|interface-name)":"[^"]*"', r'"\1":""', text)
    text = re.sub(r"\d{4}-\d\d-\d\d[ T][\d:.]+(Z| \+0000 UTC)", "TIME", text)
    text = re.sub(r"\d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r'((?:[Oo]peration|task|Action id|id"?:?|revision) "?)\d+', r"\1N", text)
    text = re.sub(r'"id":"\d+"', '"id":"N"', text)
    text = re.sub(r'"checksum":"[0-9a-f]+"', '"checksum":""', text)
    text = text.replace("lxd:", "ctl:").replace('"store":"lxd"', '"store":"ctl"')
    try:
        return json.loads(text)
    except ValueError:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.mark.parametrize("name", [name for name in CLI if name not in DIFFERENT])
def test_as_recorded(juju: CommandLine, both: str, name: str) -> None:
    """A verb prints what Juju prints and ends as it does."""
    recorded = CLI[name]
    done = juju(_here(recorded["cmd"], both))
    err = alike(re.sub(re.escape(both) + r"/(\w+)", r"./\1.charm", done.err))
    assert (done.code, alike(done.out), err) == (
        recorded["rc"],
        alike(recorded["out"]),
        alike(recorded["err"]),
    )


def test_refusals_change_nothing(juju: CommandLine, both: str) -> None:
    """What Juju refuses leaves applications, options, secrets and offers as they were."""
    refused = [
        record["cmd"]
        for name, record in CLI.items()
        if record["rc"] and name not in DIFFERENT and not name.startswith("06-actions")
    ]
    before = _looks(juju)
    for command in refused:
        juju(_here(command, both))
    assert len(refused) > 30
    assert _looks(juju) == before


def _looks(juju: CommandLine) -> list[Any]:
    asked = ["status", "config probe", "config client", "secrets", "offers"]
    return [alike(juju(f"{verb} -m t --format json").out) for verb in asked]


def test_related_twice(juju: CommandLine, both: str) -> None:
    """Relating what is related, and removing what is not, is refused in Juju's words."""
    assert Path(both).exists()
    juju.well("integrate probe:db client:db")
    again = CLI["04-integrate/again"]
    assert juju(_here(again["cmd"], both)).err == again["err"]
    juju.well("remove-relation probe:db client:db")
    again = CLI["10-remove-relation/again"]
    assert juju(_here(again["cmd"], both)).err == again["err"]


def test_removed_by_its_number(juju: CommandLine, both: str) -> None:
    """A relation is removed by its number as well; one that is not there is missed by it."""
    assert Path(both).exists()
    juju.well("integrate probe:multi client:other")
    unit = juju.data("show-unit probe/0")["probe/0"]
    number = next(r["relation-id"] for r in unit["relation-info"] if r["endpoint"] == "multi")
    juju.well(f"remove-relation {number}")
    done = juju(f"remove-relation {number}")
    assert (done.code, f"id {number} not found" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        pytest.param("bind probe alpha", 'localjuju has no "juju bind"', id="verb"),
        pytest.param("local nosuch", 'localjuju has no "juju local nosuch"', id="local verb"),
        pytest.param("status --nosuch", "option provided but not defined: --nosuch", id="option"),
        pytest.param("deploy x -z", "option provided but not defined: -z", id="short option"),
        pytest.param("deploy x --to 0", "localjuju has no option --to", id="Juju's option"),
        pytest.param("config", "no application name specified", id="too few"),
        pytest.param("switch a b", 'unrecognized args: ["b"]', id="too many"),
        pytest.param(
            "status --format xml",
            'invalid value "xml" for option --format: unknown format "xml"',
            id="format",
        ),
    ],
)
def test_refused_by_name(juju: CommandLine, command: str, error: str) -> None:
    """What localjuju has not it refuses by name, with exit status 2."""
    assert juju(command) == (2, "", f"ERROR {error}\n")


def test_charmhub(juju: CommandLine, both: str) -> None:
    """A charm that is no path would be Charmhub's, which there is not."""
    done = juju("deploy postgresql")
    assert (done.code, "localjuju has no Charmhub" in done.err) == (1, True)
    assert Path(both).exists()
