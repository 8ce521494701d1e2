"""Controllers: how they start, whom they answer, what they keep from others, and how they end."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from localjuju import processes
from localjuju.cli import client
from localjuju.home import PARENT, controller_folder

from .conftest import RECORDER, CommandLine, at_rest, is_alive, until

if TYPE_CHECKING:
    from pathlib import Path


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


def test_folder_that_vanishes(alone: CommandLine) -> None:
    """A controller whose folder was deleted ends, and what its units left running with it."""
    alone.well("add-model m")
    alone.well(f"deploy {RECORDER}")
    alone.wait(at_rest, "m")
    pid = _controller_pid(alone)
    running = int((alone.unit_folder("m", "recorder/0") / "left-running").read_text())
    shutil.rmtree(alone.home)
    until(lambda: not is_alive(pid) and not is_alive(running))
    assert not alone.home.exists()


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("add-model m", "destroy-model m --no-prompt"),
        ("add-model m", "destroy-model m --no-prompt --force"),
        ("bootstrap localhost localjuju", "kill-controller localjuju --no-prompt"),
    ],
)
def test_nothing_goes_on_after_the_end(alone: CommandLine, begin: str, end: str) -> None:
    """Once a controller was ended, nothing is left of it, and nothing is being removed."""
    alone.well(begin)
    controllers = alone.home / "controllers"
    for number in range(20_000):
        (controllers / "localjuju" / str(number)).touch()
    alone.well(end)
    assert [path.name for path in controllers.iterdir()] == [".localjuju.lock"]


def test_parent_that_is_killed(alone: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller that was started for a process ends with it, and takes its folder along."""
    with subprocess.Popen(["sleep", "7657"]) as parent:
        monkeypatch.setenv(PARENT, str(parent.pid))
        alone.well("add-model m")
        pid = _controller_pid(alone)
        parent.kill()
    until(lambda: not is_alive(pid))
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
    assert not is_alive(pid)
    assert client.controllers() == []


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
    with_address = controller.control.replace(controller.place, "/proc/self/cwd")
    other = subprocess.run(
        [sys.executable, "-c", script, str(alone.home), with_address, str(_controller_pid(alone))],
        capture_output=True,
        text=True,
        check=False,
        cwd=controller.path,
    )
    assert other.stdout.split("\n")[:4] == ["refused"] * 4, other
    alone.well("status -m m")


def test_models_made_and_ended_leave_nothing(juju: CommandLine) -> None:
    """Fifty models, made and ended, leave no process and no file."""
    before = {p for p in juju.home.rglob("*") if "models" in p.parts}
    for number in range(50):
        juju.well(f"add-model gone{number} --no-switch")
        juju.well(f"deploy {RECORDER} -m gone{number}")
        juju.well(f"destroy-model gone{number} --no-prompt --force")
    uuid = json.loads(next(juju.home.glob("controllers/*/controller.pid")).read_text())["uuid"]
    ours = {mark for mark in juju.data("models")["models"] if mark["short-name"][:4] == "gone"}
    assert not ours
    after = {p for p in juju.home.rglob("*") if "models" in p.parts}
    assert {p for p in after - before if p.is_file()} == set()
    assert [pid for pid in processes.marked(uuid) if is_alive(pid)] == []


def test_closed_to_other_users(juju: CommandLine) -> None:
    """The home is for its user alone, and one that is not is refused."""
    assert stat.S_IMODE(juju.home.stat().st_mode) == 0o700
    for folder in (juju.home / "controllers").iterdir():
        if folder.is_dir():
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_started_by_several_at_once(tmp_path: Path) -> None:
    """Of several who add the first model at the same moment, one starts the controller, and all
    are answered by it.
    """
    command = [sys.executable, "-m", "localjuju"]
    surroundings = {**os.environ, "LOCALJUJU_HOME": str(tmp_path)}
    names = [f"m{number}" for number in range(4)]
    adding = [
        subprocess.Popen([*command, "add-model", name], env=surroundings, stderr=subprocess.PIPE)
        for name in names
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in adding]
    subprocess.run(
        [*command, "kill-controller", "localjuju", "--no-prompt"],
        env=surroundings,
        check=True,
        capture_output=True,
    )
    assert [process.returncode for process in adding] == [0] * len(names), said


def test_home_that_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that others can look into is refused, with what to do about it."""
    monkeypatch.setenv("LOCALJUJU_HOME", str(tmp_path))
    tmp_path.chmod(0o755)
    done = CommandLine(tmp_path)("status")
    assert (done.code, done.err) == (
        1,
        f"ERROR {tmp_path} is open to other users; run: chmod 700 {tmp_path}\n",
    )


def test_home_said_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative home is one in the present folder, for the controller that is started too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCALJUJU_HOME", "home")
    juju = CommandLine(tmp_path / "home")
    juju.well("add-model m")
    try:
        (folder,) = (tmp_path / "home" / "controllers").glob("[!.]*")
        monkeypatch.setenv("LOCALJUJU_HOME", str(tmp_path / "home"))
        monkeypatch.chdir("/")
        assert juju.data("models")["current-model"] == "m"
    finally:
        juju.well("kill-controller localjuju --no-prompt")
    assert not folder.exists()


def test_no_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no home folder is told what to set, and nothing is made where they are."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    for name in ("LOCALJUJU_HOME", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    done = CommandLine(tmp_path)("status")
    assert (done.code, done.err) == (
        1,
        "ERROR you have no home folder; set LOCALJUJU_HOME to a folder of yours\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_dead_controller(alone: CommandLine) -> None:
    """When the controller dies, the next verb says so, and local clean ends what is left."""
    alone.well("add-model m")
    alone.well(f"deploy {RECORDER}")
    alone.wait(at_rest, "m")
    pid = int((alone.unit_folder("m", "recorder/0") / "left-running").read_text())
    folder = alone.home / "controllers" / "localjuju"
    controller = json.loads((folder / "controller.pid").read_text())["pid"]
    os.kill(controller, 9)
    until(lambda: not client.is_alive(controller_folder("localjuju")))
    assert "has died" in alone("status").err
    assert "has died" in alone("bootstrap").err
    alone.well("local clean")
    assert not is_alive(pid)
    assert not folder.exists()


def test_controller_that_nobody_asked_for_ends_with_its_last_model(alone: CommandLine) -> None:
    """add-model starts a controller if there is none, and destroy-model ends that one."""
    alone.well("add-model m")
    folder = alone.home / "controllers" / "localjuju"
    controller = json.loads((folder / "controller.pid").read_text())["pid"]
    alone.well("destroy-model m --no-prompt")
    until(lambda: not is_alive(controller))
    assert not folder.exists()


def test_model_added_while_the_last_one_takes_its_controller_along(alone: CommandLine) -> None:
    """Ending the last model and adding another at once never meets a controller half gone."""
    for number in range(5):
        alone.well(f"add-model m{number}")
        alone.well(f"destroy-model m{number} --no-prompt --force")
