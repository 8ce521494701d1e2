"""What charms, users and machines do wrong: it is named, nothing is lost, and life goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localjuju.cli import client
from localjuju.home import PARENT, controller_folder

from .conftest import CHARMS, CommandLine, at_rest, until

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDER = CHARMS / "recorder"

OBEDIENT = """#!/bin/sh
echo "$JUJU_DISPATCH_PATH" >> ../record
case "$JUJU_DISPATCH_PATH" in
    hooks/start) status-set active ready ;;
    hooks/config-changed) eval "$(config-get do)" ;;
esac
"""


@pytest.fixture(scope="session")
def obedient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A charm that does in config-changed what its option says."""
    folder = tmp_path_factory.mktemp("charms") / "obedient"
    folder.mkdir()
    (folder / "metadata.yaml").write_text(
        "name: obedient\nsummary: s\ndescription: d\npeers: {fellows: {interface: f}}\n"
        "provides: {door: {interface: d}}\nrequires: {key: {interface: d}}\n"
    )
    (folder / "config.yaml").write_text('options: {do: {type: string, default: ""}}')
    (folder / "actions.yaml").write_text("go: {params: {what: {type: string}}}")
    (folder / "dispatch").write_text(OBEDIENT)
    (folder / "dispatch").chmod(0o755)
    return folder


@pytest.fixture
def unit(juju: CommandLine, model: str, obedient: Path) -> str:
    """One unit of the obedient charm, at rest."""
    juju.well(f"deploy {obedient}")
    juju.wait(at_rest, model)
    return "obedient/0"


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """A home of its own, in which no controller is left."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("LOCALJUJU_HOME", str(home))
    yield CommandLine(home)
    if home.exists():
        for name in client.controllers():
            CommandLine(home)(f"kill-controller {name} --no-prompt")


def _log(juju: CommandLine, model: str) -> str:
    return juju.well(f"debug-log -m {model}")


def test_hook_that_ends_with_a_signal(juju: CommandLine, model: str, unit: str) -> None:
    """The log names the signal, and resolve runs the hook again."""
    juju.well("config obedient do='kill -SEGV $$'")
    until(lambda: "failed: signal: segmentation fault" in _log(juju, model))
    juju.well("config obedient do=true")
    juju.well(f"resolve {unit}")
    juju.wait(at_rest, model)


def test_charm_that_deletes_what_is_not_its_own(juju: CommandLine, model: str, unit: str) -> None:
    """The files that the agent holds may go; the unit goes on."""
    folder = juju.unit_folder(model, unit)
    juju.well("config obedient do='rm -f ../stdout ../stderr'")
    juju.well("config obedient do='touch ../went-on'")
    until((folder / "went-on").exists)


def test_folder_that_cannot_be_written(juju: CommandLine, model: str, unit: str) -> None:
    """A hook that could not be run for the disk's sake has failed, and is run when it can be."""
    folder = juju.unit_folder(model, unit)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("where the unit's folder was")
    juju.well("config obedient do='touch ../went-on'")
    status = juju.wait(lambda s: "hook failed" in json.dumps(s), model)
    assert status["applications"]["obedient"]["units"][unit]["leader"]
    assert "File exists" in _log(juju, model) or "Not a directory" in _log(juju, model)
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    juju.well(f"resolve {unit}")
    until((folder / "went-on").exists)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_full_disk(alone: CommandLine, obedient: Path) -> None:
    """On a full disk verbs say so and change nothing, hooks fail; with room all goes on."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(alone.home)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this root may not mount")
    try:
        alone.well("add-model m")
        alone.well(f"deploy {obedient}")
        alone.wait(at_rest, "m")
        ballast = alone.home / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        done = alone(f"deploy {obedient} another")
        assert (done.code, "No space left on device" in done.err) == (1, True), done
        assert list(alone.data("status")["applications"]) == ["obedient"]
        ballast.unlink()
        alone.well(f"deploy {obedient} another")
        alone.wait(lambda s: len(s["applications"]) == 2 and at_rest(s), "m")
        alone.well("destroy-model m --no-prompt --force")
        until(lambda: not client.controllers())
    finally:
        subprocess.run(["umount", "-l", str(alone.home)], check=False)


def test_charm_that_prints_a_lot(juju: CommandLine, model: str, unit: str) -> None:
    """Ten megabytes of output come back whole."""
    assert model
    out = juju.well(f"exec --unit {unit} 'head -c 10000000 /dev/zero | tr \"\\0\" z'")
    assert len(out.strip()) == 10_000_000


def test_large_and_odd_values(juju: CommandLine, model: str, unit: str) -> None:
    """A databag takes 100 KB, and bytes that are no text come back as they were."""
    folder = juju.unit_folder(model, unit)
    (folder / "big").write_text("big: " + "x" * 100_000)
    said = juju.well(
        f"exec --unit {unit} 'r=$(relation-ids fellows); relation-set -r $r --file ../big; "
        'relation-set -r $r odd=$(printf "\\377\\376"); '
        "relation-get -r $r big $JUJU_UNIT_NAME | wc -c; "
        "relation-get -r $r odd $JUJU_UNIT_NAME | od -An -tx1'"
    )
    assert said.split() == ["100001", "ff", "fe", "0a"]


def test_tool_that_is_given_a_pipe(juju: CommandLine, model: str, unit: str) -> None:
    """A hook tool reads files only: a pipe that nobody writes to would hold up every unit."""
    assert model
    done = juju(
        f"exec --unit {unit} 'mkfifo ../pipe; relation-set -r $(relation-ids fellows) "
        "--file ../pipe'"
    )
    assert (done.code, "not a regular file" in done.out) == (1, True)


def test_charm_that_never_returns(juju: CommandLine, model: str, unit: str) -> None:
    """Others run meanwhile, who waits is told, and removal by force ends it."""
    folder = juju.unit_folder(model, unit)
    juju.well("config obedient do='echo $$ > ../pid; sleep 7655'")
    until(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    pid = int((folder / "pid").read_text())
    late = juju(f"run {unit} go --wait 1s")
    assert (late.code, late.err.splitlines()[-1]) == (
        1,
        f"ERROR timed out waiting for results from: unit {unit}",
    )
    juju.well(f"remove-unit {unit} --no-prompt --force")
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_one_thing_at_a_time(model: str, unit: str) -> None:
    """What a unit is asked to do by several at once it does one after the other."""
    alone = "mkdir ../busy && sleep 0.2 && rmdir ../busy"
    command = [sys.executable, "-m", "localjuju", "exec", "-m", model, "--unit", unit, "--", alone]
    asked = [subprocess.Popen(command) for _ in range(3)]
    assert [one.wait(60) for one in asked] == [0, 0, 0]


def test_hung_hooks_hold_up_nobody(juju: CommandLine, model: str, obedient: Path) -> None:
    """However many hooks hang, another unit still gets its turn."""
    juju.well(f"deploy {obedient} hung -n 9 --config do='sleep 7656'")
    juju.well(f"deploy {obedient}")
    juju.wait(
        lambda s: (
            s["applications"]["obedient"]["units"]["obedient/0"]["workload-status"]["current"]
            == "active"
        ),
        model,
        60,
    )


@pytest.mark.parametrize(
    ("command", "error"),
    [
        pytest.param("config obedient do=@{bytes}", "is not text in UTF-8", id="config @file"),
        pytest.param("config obedient --file {bytes}", "is not text in UTF-8", id="config --file"),
        pytest.param("config obedient do=\udcff", "contains non-UTF-8 sequences", id="config"),
        pytest.param("config obedient do=@{pipe}", "is not a regular file", id="pipe"),
        pytest.param("deploy {charm} x --config {bytes}", "is not text in UTF-8", id="deploy"),
        pytest.param("deploy {charm} x --config {list}", "is not a mapping", id="deploy list"),
        pytest.param("deploy {charm} x -n --5", 'parsing "--5": invalid syntax', id="number"),
        pytest.param("deploy {charm} x -n ²", 'parsing "²": invalid syntax', id="odd digit"),
        pytest.param("run obedient/0 go what={{", 'the value of "what"', id="action"),
        pytest.param("run obedient/0 go a=1 a.b=2", 'a key of "a"', id="action keys"),
        pytest.param("run obedient/0 go --params {bytes}", "is not text in UTF-8", id="params"),
        pytest.param("run obedient/0 go --wait soon", '"soon" is not a duration', id="wait"),
        pytest.param("add-secret s --file {bytes}", "is not text in UTF-8", id="secret file"),
        pytest.param("add-secret s word#file={bytes}", "is not text in UTF-8", id="secret word"),
    ],
)
def test_input_refused(  # noqa: PLR0917 (fixtures)
    juju: CommandLine,
    model: str,
    unit: str,
    obedient: Path,
    tmp_path: Path,
    command: str,
    error: str,
) -> None:
    """What cannot be read is named, and nothing has changed."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list").write_text("[1, 2]")
    os.mkfifo(tmp_path / "pipe")
    names = {name: tmp_path / name for name in ("bytes", "list", "pipe")}
    before = [juju.data(verb) for verb in ("operations", "secrets", f"config {unit[:-2]}")]
    done = juju(command.format(charm=obedient, **names))
    assert done.code in {1, 2}
    assert error in done.err
    assert "Traceback" not in done.err
    after = [juju.data(verb) for verb in ("operations", "secrets", f"config {unit[:-2]}")]
    assert after == before
    assert list(juju.data(f"status -m {model}")["applications"]) == ["obedient"]


def test_date_as_parameter(juju: CommandLine, model: str, unit: str) -> None:
    """What looks like a date is text, as Juju reads it."""
    assert model
    assert juju.data(f"run {unit} go what=2026-01-01")[unit]["status"] == "completed"


@pytest.mark.parametrize("name", ["../../evil", "a/b", ".hidden", "a b", ""])
def test_controller_named_as_a_path(alone: CommandLine, name: str) -> None:
    """A controller's name is a folder's, and is checked before anything is made."""
    done = alone(f"bootstrap localhost '{name}'")
    assert (done.code, "is not a valid controller name" in done.err) == (1, True)
    assert not [path for path in alone.home.rglob("*") if path.is_dir()]


def test_controller_that_is_named_and_not_there(
    juju: CommandLine, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names a controller is never given another one."""
    monkeypatch.setenv("JUJU_CONTROLLER", "nosuch")
    assert juju("status").err == "ERROR controller nosuch not found\n"
    assert juju(f"status -m nosuch:{model}").err == "ERROR controller nosuch not found\n"


def test_two_controllers(alone: CommandLine) -> None:
    """Controllers side by side know nothing of each other's models, nor share an address."""
    alone.well("bootstrap localhost one")
    alone.well("bootstrap localhost two")
    for name in ("one", "two"):
        alone.well(f"add-model m -c {name}")
        alone.well(f"deploy {RECORDER} -m {name}:m")
    found = [
        alone.data(f"status -m {name}:m")["machines"]["0"]["dns-name"] for name in ("one", "two")
    ]
    assert found[0] != found[1]
    alone.well("kill-controller one --no-prompt")
    alone.well("status -m two:m")
    assert alone("status -m one:m").err == "ERROR controller one not found\n"


def _controller_pid(juju: CommandLine, name: str = "localjuju") -> int:
    return json.loads((juju.home / "controllers" / name / "controller.pid").read_text())["pid"]


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_folder_that_vanishes(alone: CommandLine) -> None:
    """A controller whose folder was deleted ends, and what its units left running with it."""
    alone.well("add-model m")
    alone.well(f"deploy {RECORDER}")
    alone.wait(at_rest, "m")
    pid = _controller_pid(alone)
    running = int((alone.unit_folder("m", "recorder/0") / "left-running").read_text())
    shutil.rmtree(alone.home)
    until(lambda: _is_gone(pid) and _is_gone(running))
    assert not alone.home.exists()


def test_parent_that_is_killed(alone: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller that was started for a process ends with it, and takes its folder along."""
    with subprocess.Popen(["sleep", "7657"]) as parent:
        monkeypatch.setenv(PARENT, str(parent.pid))
        alone.well("add-model m")
        pid = _controller_pid(alone)
        parent.kill()
    until(lambda: _is_gone(pid))
    assert client.controllers() == []


def test_parent_that_is_no_process(alone: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no process id is refused before a controller is started."""
    monkeypatch.setenv(PARENT, "me")
    assert alone("add-model m").err == f'ERROR {PARENT} is no process id: "me"\n'


def test_controller_that_cannot_be_reached(alone: CommandLine) -> None:
    """What cleans up ends also a controller that lives but whose socket is gone."""
    alone.well("bootstrap localhost one")
    pid = _controller_pid(alone, "one")
    (alone.home / "controllers" / "one" / "control.sock").unlink()
    (alone.home / "controllers" / "one" / "controller.pid").write_text("")
    os.kill(pid, signal.SIGSTOP)
    alone.well("local clean")
    assert _is_gone(pid)
    assert client.controllers() == []


def test_interrupted(juju: CommandLine, model: str, unit: str) -> None:
    """Ctrl-C ends the waiting alone, in one line and with the shell's exit status."""
    # Whoever runs the tests in the background may have them ignore Ctrl-C, and what they start.
    heard = ["env", "--default-signal=INT", sys.executable, "-m", "localjuju"]
    command = [*heard, "exec", "-m", model, "--unit", unit]
    with subprocess.Popen(
        [*command, "--", "touch ../begun; sleep 2; touch ../ended"],
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        folder = juju.unit_folder(model, unit)
        until((folder / "begun").exists)
        waiting.send_signal(signal.SIGINT)
        assert waiting.stderr is not None
        assert waiting.stderr.read() == "\nERROR interrupted\n"
    assert waiting.returncode == 130
    until((folder / "ended").exists)


def test_second_user(alone: CommandLine, tmp_path: Path) -> None:
    """Another user of the machine can neither use this one's controller nor see what it keeps."""
    if os.getuid() != 0:
        pytest.skip("only root can act as another user")
    alone.well("add-model m")
    controller = controller_folder("localjuju")
    tmp_path.chmod(0o755)
    # Everything above the home is opened, so that it is the home that keeps the other out.
    for folder in tmp_path.parents:
        if folder.stat().st_mode & 0o001 == 0 and folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    script = (
        "import os, socket, sys\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "def refused(act):\n"
        "    try: act()\n"
        "    except PermissionError: return 'refused'\n"
        "    except Exception as error: return repr(error)\n"
        "    return 'let in'\n"
        "home, control, pid = sys.argv[1:]\n"
        "print(refused(lambda: os.listdir(home)))\n"
        "print(refused(lambda: socket.socket(socket.AF_UNIX).connect(control)))\n"
        "print(refused(lambda: open(f'/proc/{pid}/environ').read()))\n"
        "print(refused(lambda: os.kill(int(pid), 9)))\n"
    )
    with_address = f"/proc/self/cwd/{controller.control.name}"
    other = subprocess.run(
        [sys.executable, "-c", script, str(alone.home), with_address, str(_controller_pid(alone))],
        capture_output=True,
        text=True,
        check=False,
        cwd=controller.path,
    )
    assert other.stdout.split("\n")[:4] == ["refused"] * 4, other
    alone.well("status -m m")


def test_offer_removed_by_force(juju: CommandLine, model: str, obedient: Path) -> None:
    """The consumer departs and breaks; its SAAS says that it is terminated, and can be removed."""
    source = f"{model}s"
    juju.well(f"add-model {source} --no-switch")
    juju.well(f"deploy {obedient} -m {source}")
    juju.well(f"deploy {obedient}")
    juju.well(f"offer {source}.obedient:door")
    juju.well(f"consume admin/{source}.obedient ca")
    juju.well("integrate obedient:key ca")
    folder = juju.unit_folder(model, "obedient/0")
    until(lambda: "hooks/key-relation-joined" in (folder / "record").read_text())
    refused = juju(f"remove-offer admin/{source}.obedient -y")
    assert (refused.code, "it has 1 connections" in refused.err) == (1, True)
    juju.well(f"remove-offer admin/{source}.obedient -y --force")
    until(lambda: "hooks/key-relation-broken" in (folder / "record").read_text())
    assert (folder / "record").read_text().split()[-2:] == [
        "hooks/key-relation-departed",
        "hooks/key-relation-broken",
    ]
    status = juju.data("status")["application-endpoints"]["ca"]["application-status"]
    assert (status["current"], status["message"]) == ("terminated", "offer has been removed")
    assert "is terminated" in juju("integrate obedient:key ca").err
    juju.well("remove-saas ca --force")
    assert "application-endpoints" not in juju.data("status")
    juju.well(f"destroy-model {source} --no-prompt --force")


def test_offering_model_destroyed_by_force(juju: CommandLine, model: str, obedient: Path) -> None:
    """The consuming side lives on, breaks the relation, and can be destroyed as usual."""
    source = f"{model}s"
    juju.well(f"add-model {source} --no-switch")
    juju.well(f"deploy {obedient} -m {source}")
    juju.well(f"deploy {obedient}")
    juju.well(f"offer {source}.obedient:door")
    juju.well(f"consume admin/{source}.obedient ca")
    juju.well("integrate obedient:key ca")
    folder = juju.unit_folder(model, "obedient/0")
    until(lambda: "hooks/key-relation-joined" in (folder / "record").read_text())
    assert "offers that are in use" in juju(f"destroy-model {source} --no-prompt").err
    juju.well(f"destroy-model {source} --no-prompt --force")
    until(lambda: "hooks/key-relation-broken" in (folder / "record").read_text())
    assert "ca" in juju.data("status").get("application-endpoints", {})
    juju.well("remove-saas ca")
    juju.well(f"destroy-model {model} --no-prompt")


def test_saas_removed_while_related(juju: CommandLine, model: str, obedient: Path) -> None:
    """Removing a SAAS by force breaks its relation on both sides and leaves the offer."""
    source = f"{model}s"
    juju.well(f"add-model {source} --no-switch")
    juju.well(f"deploy {obedient} -m {source}")
    juju.well(f"deploy {obedient}")
    juju.well(f"offer {source}.obedient:door")
    juju.well(f"consume admin/{source}.obedient ca")
    juju.well("integrate obedient:key ca")
    folders = [juju.unit_folder(m, "obedient/0") for m in (model, source)]
    joined = ("hooks/key-relation-joined", "hooks/door-relation-joined")
    broken = ("hooks/key-relation-broken", "hooks/door-relation-broken")
    for hooks in (joined, broken):
        if hooks is broken:
            juju.well("remove-saas ca --force")
        for folder, hook in zip(folders, hooks, strict=True):
            record = folder / "record"
            until(lambda r=record, h=hook: r.exists() and h in r.read_text())
    assert "obedient" in juju.data(f"offers -m {source}")
    juju.well(f"destroy-model {source} --no-prompt")


@pytest.fixture
def offered(juju: CommandLine, model: str, obedient: Path) -> Iterator[str]:
    """The name of a second model, whose application is offered to the first."""
    source = f"{model}o"
    juju.well(f"add-model {source} --no-switch")
    juju.well(f"deploy {obedient} -m {source}")
    juju.well(f"deploy {obedient}")
    juju.well(f"offer {source}.obedient:door")
    yield source
    juju.well(f"destroy-model {source} --no-prompt --force")


def test_related_by_the_url_of_an_offer(juju: CommandLine, offered: str) -> None:
    """An offer's URL is consumed by the way; again is refused in the words that were recorded."""
    juju.well(f"consume {offered}.obedient ca")
    assert juju(f"integrate obedient:key admin/{offered}.obedient").err == (
        f"ERROR could not consume admin/{offered}.obedient: "
        'application "obedient" already exists\n'
    )
    juju.well("integrate obedient:key ca")
    assert juju("integrate obedient:key ca").err == (
        'ERROR adding relation between endpoints "obedient:key" and "ca": cannot add relation '
        '"obedient:key", "ca": relation obedient:key ca:door: already exists\n'
    )
    assert juju(f"integrate obedient:key admin/{offered}.nosuch").err == (
        f'ERROR application offer "admin/{offered}.nosuch" not found\n'
    )
    assert juju(f"integrate obedient:key admin/{offered}.obedient:door").err == (
        f'ERROR saas application "admin/{offered}.obedient:door" shouldn\'t include endpoint\n'
    )


def test_removal_of_offers_that_are_not_there(juju: CommandLine, offered: str) -> None:
    """In Juju's words: an offer is missed, a SAAS is not."""
    assert juju("remove-saas nosuch") == (0, "", "")
    for url, words in (
        (f"admin/{offered}.nosuch", '"nosuch": offer not found'),
        ("admin/nosuch.x", 'model "admin/nosuch": not found'),
    ):
        assert juju(f"remove-offer {url} -y") == (1, "", f"ERROR {words}\n")
    mixed = juju(f"remove-offer admin/{offered}.obedient admin/{offered}.nosuch -y")
    assert mixed.code == 1
    assert "obedient" in juju.data(f"offers -m {offered}")
