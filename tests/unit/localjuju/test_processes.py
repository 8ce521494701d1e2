"""Charms as processes, under a controller: what only shows when things really run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import jubilant
import pytest

from .conftest import BY_HAND, CHARMS, RECORDER, CommandLine, at_rest, is_alive, until

if TYPE_CHECKING:
    from pathlib import Path


def _record(folder: Path) -> list[str]:
    return [line.strip() for line in (folder / "record").read_text().splitlines()]


@pytest.fixture
def deployed(juju: CommandLine, model: str) -> str:
    """A model with one unit of the recorder, at rest."""
    juju.well(f"deploy {RECORDER}")
    juju.wait(at_rest, model)
    return model


def test_hooks_of_a_first_unit(juju: CommandLine, deployed: str) -> None:
    """A charm's dispatch is run for each hook, in order, from its folder."""
    folder = juju.unit_folder(deployed, "recorder/0")
    assert _record(folder) == [
        "install",
        "fellows-relation-created",
        "leader-elected",
        "config-changed",
        "start",
    ]
    env = (folder / "environment-start").read_text()
    assert f"JUJU_CHARM_DIR={folder}/charm\n" in env
    assert "JUJU_MACHINE_ID=\n" in env


def test_status_and_units(juju: CommandLine, deployed: str) -> None:
    """Status shows what the charm said, and says itself that this is no Juju."""
    status = juju.data(f"status -m {deployed}")
    app = status["applications"]["recorder"]
    unit = app["units"]["recorder/0"]
    assert (app["version"], unit["open-ports"], unit["workload-status"]["message"]) == (
        "1.2.3",
        ["8080/tcp"],
        "ready",
    )
    assert "stand-in" in juju.well(f"status -m {deployed}").splitlines()[1]


def test_detached_process_ends_with_its_unit(juju: CommandLine, deployed: str) -> None:
    """What a charm left running lives on between hooks, and is gone with its unit."""
    folder = juju.unit_folder(deployed, "recorder/0")
    pid = int((folder / "left-running").read_text())
    assert is_alive(pid)
    juju.well("remove-unit recorder/0 --no-prompt")
    juju.wait(lambda s: not s["applications"]["recorder"].get("units"), deployed)
    assert not is_alive(pid)
    assert not folder.exists()


def test_forced_end_of_a_model(juju: CommandLine, deployed: str) -> None:
    """destroy-model --force runs no hook, and leaves no process and no folder."""
    folder = juju.unit_folder(deployed, "recorder/0")
    pid = int((folder / "left-running").read_text())
    juju.well(f"destroy-model {deployed} --no-prompt --force")
    assert not is_alive(pid)
    assert not folder.parents[1].exists()
    assert juju(f"status -m {deployed}").err == f"ERROR model ctl:admin/{deployed} not found\n"


def test_failed_hook(juju: CommandLine, deployed: str) -> None:
    """A hook that fails shows as error, its writes are dropped, and resolve runs it again."""
    juju.well(BY_HAND)
    juju.well("config recorder fail=config-changed")
    status = juju.wait(
        lambda s: (
            s["applications"]["recorder"]["units"]["recorder/0"]["workload-status"]["current"]
            == "error"
        ),
        deployed,
    )
    unit = status["applications"]["recorder"]["units"]["recorder/0"]
    assert unit["workload-status"]["message"] == 'hook failed: "config-changed"'
    assert unit["juju-status"]["current"] == "idle"
    (relation,) = juju.data("show-unit recorder/0")["recorder/0"]["relation-info"]
    assert "never" not in relation["local-unit"]["data"]
    juju.well("config recorder fail=")
    juju.well("resolve recorder/0")
    juju.wait(lambda s: at_rest(s) or _is_maintenance(s), deployed)


def _is_maintenance(status: dict[str, object]) -> bool:
    return "about to fail" in json.dumps(status) and "hook failed" not in json.dumps(status)


def test_killed_at_a_tool_call(juju: CommandLine, deployed: str) -> None:
    """A fault kills the next hook at the tool call that was asked for; the hook is run again."""
    juju.well(BY_HAND)
    folder = juju.unit_folder(deployed, "recorder/0")
    before = len(_record(folder))
    juju.well("local kill-hook recorder/0 --at 1 --hook config-changed")
    juju.well("config recorder number=2")
    juju.wait(lambda s: "hook failed" in json.dumps(s), deployed)
    juju.well("resolve recorder/0")
    juju.wait(at_rest, deployed)
    assert _record(folder)[before:] == ["config-changed", "config-changed"]


def test_stopped_and_started(juju: CommandLine, deployed: str) -> None:
    """A stopped unit has no processes and is lost; started again, it runs start alone."""
    folder = juju.unit_folder(deployed, "recorder/0")
    pid = int((folder / "left-running").read_text())
    before = len(_record(folder))
    juju.well("local stop recorder/0")
    assert not is_alive(pid)
    unit = juju.data("status")["applications"]["recorder"]["units"]["recorder/0"]
    assert (unit["workload-status"]["current"], unit["juju-status"]["current"]) == (
        "unknown",
        "lost",
    )
    juju.well("local start recorder/0")
    juju.wait(at_rest, deployed)
    assert _record(folder)[before:] == ["start"]


def test_cut_off(juju: CommandLine, deployed: str) -> None:
    """A unit that is cut off hears nothing; when it is back, it hears what came last."""
    folder = juju.unit_folder(deployed, "recorder/0")
    pid, before = int((folder / "left-running").read_text()), len(_record(folder))
    juju.well("local cut-off recorder/0")
    for number in (2, 3):
        juju.well(f"config recorder number={number}")
    assert is_alive(pid)
    assert len(_record(folder)) == before
    juju.well("local reconnect recorder/0")
    juju.wait(lambda s: at_rest(s) and len(_record(folder)) > before, deployed)
    assert _record(folder)[before:] == ["config-changed"]


def test_addresses_are_the_units_own(juju: CommandLine, model: str) -> None:
    """Each unit has an address of its own in 127.0.0.0/8, and none is 127.0.0.x."""
    juju.well(f"deploy {RECORDER} -n 3")
    machines = juju.data("status")["machines"]
    addresses = [machine["dns-name"] for machine in machines.values()]
    assert len(set(addresses)) == 3
    assert all(a.startswith("127.") and not a.startswith("127.0.") for a in addresses)
    assert juju.data("status")["model"]["name"] == model


def test_actions(juju: CommandLine, deployed: str) -> None:
    """Results, logs and exit statuses of actions are Juju's."""
    said = juju.data("run recorder/0 say what=hello")["recorder/0"]
    assert said["results"] == {
        "deep": {"er": "1"},
        "return-code": 0,
        "said": "hello",
        "stderr": "err\n",
        "stdout": "out\n",
    }
    assert said["log"][0].endswith("about to say it")
    crashed = juju("run recorder/leader crash --format json")
    assert (crashed.code, json.loads(crashed.out)["recorder/0"]["message"]) == (
        1,
        "exit status 3",
    )
    refused = juju("run recorder/0 refuse --format json")
    assert (refused.code, json.loads(refused.out)["recorder/0"]["message"]) == (0, "not today")
    assert juju.data(f"show-task {said['id']} -m {deployed}")["status"] == "completed"


def test_exec_ssh_scp(juju: CommandLine, deployed: str, tmp_path: Path) -> None:
    """Commands run in a hook's environment or the unit's folder, and files come and go."""
    assert juju.well("exec --unit recorder/0 -- is-leader") == "True\n"
    assert (
        juju.data("exec --unit recorder/0 'echo hi'")["recorder/0"]["results"]["stdout"] == "hi\n"
    )
    script = f"{sys.executable} -m localjuju ssh recorder/0 'test -f dispatch && exit 7'"
    assert subprocess.run(["/bin/sh", "-c", script], check=False).returncode == 7
    (tmp_path / "there").write_text("and back")
    juju.well(f"scp {tmp_path}/there recorder/0:there")
    juju.well(f"scp recorder/0:there {tmp_path}/back")
    assert (tmp_path / "back").read_text() == "and back"
    assert (juju.unit_folder(deployed, "recorder/0") / "charm" / "there").exists()


def test_packed_and_refreshed(juju: CommandLine, model: str, tmp_path: Path) -> None:
    """A packed charm runs as a folder does; a refresh keeps what the charm made."""
    packed = tmp_path / "recorder.charm"
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-c", packed, *(str(p) for p in RECORDER.iterdir())],
        check=True,
    )
    # Python's zipfile command forgets modes: put them as charmcraft does.
    staged = tmp_path / "staged"
    staged.mkdir()
    subprocess.run(
        [sys.executable, "-c", _PACK, str(RECORDER), str(packed)], check=True, cwd=tmp_path
    )
    juju.well(f"deploy {packed}")
    juju.wait(at_rest, model)
    folder = juju.unit_folder(model, "recorder/0")
    (folder / "charm" / "made").write_text("by the charm")
    before = len(_record(folder))
    juju.well(f"refresh recorder --path {RECORDER}")
    juju.wait(lambda s: at_rest(s) and len(_record(folder)) >= before + 2, model)
    assert _record(folder)[before:] == ["upgrade-charm", "config-changed"]
    assert (folder / "charm" / "made").read_text() == "by the charm"
    other = juju(f"refresh recorder --path {CHARMS / 'secret-giver'}")
    assert (other.code, 'cannot refresh "recorder" to "secret-giver"' in other.err) == (1, True)


_PACK = """
import pathlib, sys, yaml, zipfile
source, target = pathlib.Path(sys.argv[1]), sys.argv[2]
with zipfile.ZipFile(target, "w") as archive:
    for path in source.iterdir():
        archive.write(path, path.name)
    charm = yaml.safe_load((source / "charmcraft.yaml").read_text())
    archive.writestr("config.yaml", yaml.safe_dump(charm.pop("config")))
    archive.writestr("actions.yaml", yaml.safe_dump(charm.pop("actions")))
    archive.writestr("metadata.yaml", yaml.safe_dump(charm))
"""


def test_jubilant_reads_everything(juju: CommandLine, model: str, tmp_path: Path) -> None:
    """Jubilant's typed parsers accept every output that it asks for."""
    juju.well(f"local shim {tmp_path}")
    client = jubilant.Juju(cli_binary=tmp_path / "juju", model=model)
    assert client.version().tuple >= (4, 0, 0)
    client.model_constraints({"arch": "amd64"})
    client.model_config({"update-status-hook-interval": "1h"})
    assert client.model_config()["update-status-hook-interval"] == "1h"
    client.deploy(CHARMS / "secret-giver", config={"prefix": "word"})
    client.deploy(CHARMS / "secret-taker", num_units=2)
    client.integrate("secret-giver", "secret-taker")
    status = client.wait(jubilant.all_active, delay=0.1, timeout=60, successes=1)
    assert {u.workload_status.message for u in status.get_units("secret-taker").values()} == {
        "has word"
    }
    assert client.show_model().model_type == "iaas"
    assert client.show_unit("secret-taker/0").relation_info[0].app_data["secret"]
    assert client.config("secret-giver") == {"prefix": "word"}
    assert client.run("secret-giver/0", "change", {"word": "x"}).results == {"relations": "1"}
    (secret,) = client.secrets()
    assert client.show_secret(secret.uri, reveal=True).content == {"password": "word-x"}
    assert client.show_secret(secret.uri, revisions=True).access
    uri = client.add_secret("mine", {"user": "me-"}, info="a word")
    client.grant_secret("mine", "secret-taker")
    client.update_secret(uri, {"user": "you"}, name="yours", auto_prune=True)
    assert client.show_secret("yours", reveal=True).content == {"user": "you"}
    client.remove_secret("yours")
    assert client.exec("is-leader", unit="secret-giver/0").stdout == "True\n"
    assert "install" in client.debug_log(limit=0)
    client.remove_relation("secret-giver", "secret-taker")
    client.add_unit("secret-taker")
    client.remove_unit("secret-taker/0")
    client.remove_application("secret-taker", force=True)
    client.wait(lambda s: "secret-taker" not in s.apps, delay=0.1, timeout=30, successes=1)


def test_across_models(juju: CommandLine, model: str, tmp_path: Path) -> None:
    """An offer is consumed in another model of the controller, and related to."""
    client_model = f"{model}x"
    juju.well(f"local shim {tmp_path}")
    juju.well(f"add-model {client_model}")
    juju.well(f"deploy {CHARMS / 'secret-giver'} -m {model}")
    juju.well(f"deploy {CHARMS / 'secret-taker'}")
    juju.well(f"offer {model}.secret-giver:door")
    juju.well(f"consume admin/{model}.secret-giver ca")
    juju.well("integrate secret-taker ca")
    juju.wait(lambda s: "has pass" in json.dumps(s), client_model)
    saas = juju.data(f"status -m {client_model}")["application-endpoints"]["ca"]
    assert saas["relations"] == {"door": ["secret-taker"]}
    parsed = jubilant.Juju(cli_binary=tmp_path / "juju", model=client_model).status()
    assert parsed.app_endpoints["ca"].url == f"admin/{model}.secret-giver"
    offers = juju.data(f"offers -m {model}")
    assert offers["secret-giver"]["connections"][0]["endpoint"] == "door"
    juju.well(f"destroy-model {client_model} --no-prompt --force")
    juju.wait(at_rest, model)
    assert "connections" not in juju.data(f"offers -m {model}")["secret-giver"]


def test_pytest_jubilant(juju: CommandLine, tmp_path: Path) -> None:
    """The fixture and the options of pytest-jubilant work with localjuju as ``juju``."""
    juju.well(f"local shim {tmp_path / 'bin'}")
    (tmp_path / "test_it.py").write_text(
        "import jubilant\n"
        "def test_it(juju):\n"
        f"    juju.deploy({str(RECORDER)!r})\n"
        "    juju.wait(jubilant.all_active, delay=0.1, successes=1)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(
        [*command, "--juju-controller", "ctl", "--juju-switch", "--juju-dump-logs", "logs"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'ran "install" hook' in next((tmp_path / "logs").iterdir()).read_text()


def test_configuration_of_a_model(juju: CommandLine, model: str) -> None:
    """What a model has as configuration is set, shown and reset; what it has not is refused."""
    juju.well("model-config update-status-hook-interval=10s")
    assert juju.well("model-config update-status-hook-interval") == "10s\n"
    juju.well("model-config --reset update-status-hook-interval")
    assert juju.well(f"model-config -m {model} update-status-hook-interval") == "5m\n"
    refused = juju("model-config nosuch=1")
    assert (refused.code, "localjuju has no model configuration" in refused.err) == (1, True)
    assert juju("model-config update-status-hook-interval=soon").code == 1


def test_expiry_on_demand(juju: CommandLine, deployed: str) -> None:
    """Faults bring an expiry forward, or lose it."""
    folder = juju.unit_folder(deployed, "recorder/0")
    juju.well("exec --unit recorder/0 -- secret-add word=one --expire 1h --label l")
    juju.well("local expiry lost")
    juju.well("local advance-expiry 1h")
    assert juju.well("local expiry") == "lost\n"
    juju.well("local update-status recorder/0")
    until(lambda: "update-status" in _record(folder))
    assert "secret-expired" not in _record(folder)
    juju.well("local expiry exact")
    until(lambda: "secret-expired" in _record(folder))


def test_leader_on_demand(juju: CommandLine, model: str) -> None:
    """A fault makes another unit the leader, which is told."""
    juju.well(f"deploy {RECORDER} -n 2")
    juju.wait(at_rest, model)
    juju.well("local lead recorder/1")
    until(lambda: "leader-elected" in _record(juju.unit_folder(model, "recorder/1")))
    assert juju.data("status")["applications"]["recorder"]["units"]["recorder/1"]["leader"]
