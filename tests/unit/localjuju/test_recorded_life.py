"""The life of secrets, relations across models and models: asked as of a real Juju."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import BY_HAND, at_rest, until
from .player import facts
from .test_recorded_verbs import write_charms
from .test_replays import Replay, replay

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import CommandLine

HOOKS = """    hooks/install)
        application-version-set 1.2.3
        open-port 8080/tcp
        ;;
    hooks/*-relation-created)
        app="${JUJU_UNIT_NAME%/*}"
        relation-set "from-$app=$JUJU_UNIT_NAME" const=1
        if test "$(is-leader)" = True; then relation-set --app "appkey=$app"; fi
        ;;
    hooks/secret-changed)
        if test "$(config-get secret-refresh)" = True; then
            secret-get "$JUJU_SECRET_ID" --refresh
        fi
        ;;
    hooks/secret-remove|hooks/secret-expired)
        secret-remove "$JUJU_SECRET_ID" --revision "$JUJU_SECRET_REVISION"
        ;;
    hooks/config-changed) test "$(config-get fail-hook)" != config-changed ;;
"""
"""What the recorded charms did in these hooks."""

_SHOWN = "show-unit shows the other side's settings and this unit's own"
_WORKS = "secrets of the side that consumes can be read; in the record the other side failed to"
_NAMED = "names an offer by its name, since there is no id of it"
_LEFT = "a unit that was removed has left the relation"

DIFFERENT = {
    "84-cmr-data/get-app-nonleader": "a follower may not read what its application wrote",
    "84-cmr-data/su1": _SHOWN,
    "84-cmr-data/su2": _SHOWN,
    "85-cmr-secret/get-c": _WORKS,
    "86-cmr-scale/ql2": _LEFT,
    "86-cmr-scale/qlc2": _LEFT,
    "87a-cmr-remove-relation/ro-refused": _NAMED,
    "87b-cmr-reintegrate/su1": _SHOWN,
    "87b-cmr-reintegrate/su2": _SHOWN,
    "87d-cmr-secret2/get-one0": "a unit of another model that was granted a secret reads it",
    "87d-cmr-secret2/get-c": _WORKS,
    "87e-cmr-remove-from-offering-side/ro-refused": _NAMED,
    "87e-cmr-remove-from-offering-side/rr1b": "in the record the relation was still there",
    "87g-cmr-remove-offer/ro-unused": "the record had taken this offer back before",
    "87g-cmr-remove-offer/ro-refused": _NAMED,
    "87g-cmr-remove-offer/ro-noyes": _NAMED,
    "87g-cmr-remove-offer/integ-gone": "what consumes an offer that is gone says so",
    "87g-cmr-remove-offer/consume-again": "what consumes an offer that came back is good again",
}
"""Records that are not compared, and why."""


@pytest.fixture(scope="module")
def charms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded charms, which write settings and deal with their secrets."""
    folder = tmp_path_factory.mktemp("charms")
    write_charms(folder, HOOKS)
    # The name of a file with the same charm in the record.
    shutil.copytree(folder / "client", folder / "a")
    return folder


def _is_going(model: Any) -> bool:
    return model["model-status"]["current"] == "destroying"


def _said(status: Any, app: str) -> set[str]:
    """What the units of an application are shown to be."""
    units = status["applications"][app]["units"].values()
    return {unit["workload-status"]["current"] for unit in units}


def test_relations_across_models(juju: CommandLine, charms: Path) -> None:
    """Settings, secrets, units that come and go, and each way in which such a relation ends."""
    models = ("x1", "x2", "x5")
    for name in models:
        juju.well(f"add-model {name} --no-switch")
    try:
        for name, charm, leader in (("x1", "probe", 1), ("x2", "client", 1), ("x5", "probe", 0)):
            juju.well(f"deploy -m {name} {charms}/{charm} {charm} -n 2")
            juju.well(f"local lead -m {name} {charm}/{leader}")
        for offer in ("probe:db", "probe:db,db2 both", "probe:client up"):
            juju.well(f"offer x1.{offer}")
        juju.well("switch x1")
        juju.well("integrate -m x2 client:db admin/x1.probe")
        for name in models:
            juju.wait(at_rest, name)
        assert replay(juju, charms, "replay_life.json", models, DIFFERENT) == {}
        juju.well("switch x5")
        # A label that the record's application had given before.
        juju.well("run probe/leader do 'cmd=secret-add user=me --label cmr2'")
        assert replay(juju, charms, "replay_ends.json", models, DIFFERENT) == {}
    finally:
        for name in ("x2", "x1", "x5"):
            juju(f"destroy-model {name} --no-prompt --force")


def test_secrets_of_charms(juju: CommandLine, model: str, charms: Path) -> None:
    """A charm's secret: made, not granted, changed, rotated; who may read it and what is shown."""
    for charm in ("probe", "client"):
        juju.well(f"deploy {charms}/{charm} -n 2")
    juju.well("local lead client/1")
    juju.well("integrate probe:db client:db")
    juju.wait(at_rest, model)
    assert replay(juju, charms, "replay_charm_secrets.json", (model,)) == {}


def test_hook_that_fails(juju: CommandLine, model: str, charms: Path) -> None:
    """While a hook fails actions run and relations are made; it is run again, or let be."""
    for charm in ("probe", "client"):
        juju.well(f"deploy {charms}/{charm}")
    juju.wait(at_rest, model)
    commands = Replay(juju, charms)
    differences: dict[str, list[str]] = {}
    for record in facts("replay_error.json"):
        differences[record["name"]] = commands.differs(record)
        if record["name"] != "14-hook-error/noretry":
            juju.wait(lambda status: _said(status, "client") == {"error"}, model)
    assert {name: found for name, found in differences.items() if found} == {}


def test_model_that_waits(juju: CommandLine, charms: Path) -> None:
    """A model waits for what is in error, takes more meanwhile, and is gone when forced to."""
    records = {record["name"]: record for record in facts("replay_destroy.json")}
    commands = Replay(juju, charms)

    def differs(name: str) -> list[str]:
        return commands.differs(records[f"95-destroy-model-error/{name}"])

    juju.well("add-model x3")
    juju.well(f"deploy {charms}/probe rp -n 2")
    juju.wait(at_rest, "x3")
    juju.well(BY_HAND)
    juju.well("config rp fail-hook=config-changed")
    juju.wait(lambda status: _said(status, "rp") == {"error"}, "x3")
    destroy = [sys.executable, "-m", "localjuju", "destroy-model", "x3", "--no-prompt"]
    with subprocess.Popen(destroy, stderr=subprocess.PIPE, text=True) as waiting:
        try:
            juju.wait(lambda status: _is_going(status["model"]), "x3")
            assert differs("deploy-while") == []
            assert differs("resolve") == []
            juju.wait(lambda status: [*status["applications"]["rp"]["units"]] == ["rp/1"], "x3")
            assert waiting.poll() is None
            assert differs("force") == []
            until(lambda: waiting.poll() is not None)
        finally:
            waiting.kill()
        assert waiting.stderr is not None
        assert waiting.stderr.read().endswith("Model destroyed.\n")
    assert waiting.returncode == 0


def test_model_whose_offers_nobody_takes(juju: CommandLine, charms: Path) -> None:
    """A model that has offers which nobody has taken goes like any other."""
    juju.well("add-model x1")
    juju.well(f"deploy {charms}/probe probe")
    juju.wait(at_rest, "x1")
    juju.well("offer probe:db")
    record = next(r for r in facts("replay_destroy.json") if r["name"].startswith("97-"))
    assert Replay(juju, charms).differs(record) == []
