"""The server as a systemd service: its files as systemd sees them, and the calls in order."""

from __future__ import annotations

import os
import pathlib
import pwd
import re
import shutil
import socket
import stat
import subprocess
import sys

import pytest

from demo_requirer import supervisor
from demo_requirer.supervisor import Listen, PortInUseError, ServerError, detached, systemd
from tests.unit.requirer.scene import CHARM

LISTEN = Listen("127.0.0.1", 8443)
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)

SYSTEMCTL = """\
#!/bin/sh
# Knows the calls that are made, and writes down those that change something.
case "$*" in
"--quiet is-active "*) test -e {root}/running-"$3"; exit ;;
restart*)
    test ! -e {root}/fails || {{ echo "Job failed" >&2; exit 1; }}
    touch {root}/running-"$2" ;;
"enable "*|"disable --now "*|"stop "*|daemon-reload) ;;
*) echo "unexpected: $*" >&2; exit 2 ;;
esac
echo "$*" >> {root}/log
"""


class Machine:
    """A stand-in for systemctl, and folders for what the supervisor writes."""

    def __init__(self, root: pathlib.Path) -> None:
        self.units = root / "units"
        self.state = root / "state"
        self.units.mkdir()
        self.fails = root / "fails"
        self._log = root / "log"
        tools = root / "bin"
        tools.mkdir()
        (tools / "systemctl").write_text(SYSTEMCTL.format(root=root))
        (tools / "systemctl").chmod(0o755)
        self.path = f"{tools}{os.pathsep}{os.environ['PATH']}"

    def supervisor(self, name: str = "web-0") -> systemd.SystemdSupervisor:
        charm = pathlib.Path("/var/lib/juju/agents/unit-web-0/charm")
        return systemd.SystemdSupervisor(name, charm, self.units, self.state)

    def calls(self) -> list[str]:
        """Return what was asked of systemctl since the last time, questions left out."""
        calls = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return calls


@pytest.fixture
def machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    stand_in = Machine(tmp_path)
    monkeypatch.setenv("PATH", stand_in.path)
    return stand_in


@pytest.mark.parametrize(
    ("machine_id", "runs", "kind"),
    [
        pytest.param("0", True, systemd.SystemdSupervisor, id="machine"),
        pytest.param("0", False, detached.DetachedSupervisor, id="machine without systemd"),
        pytest.param("", True, detached.DetachedSupervisor, id="no machine, empty"),
        pytest.param(None, True, detached.DetachedSupervisor, id="no machine, unset"),
    ],
)
def test_chosen_by_the_place(
    machine_id: str | None, runs: bool, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systemd has the server on machines where it runs; elsewhere it is a process of its own."""

    def is_dir(path: pathlib.Path) -> bool:
        return runs and path == pathlib.Path("/run/systemd/system")

    monkeypatch.setattr(pathlib.Path, "is_dir", is_dir)
    monkeypatch.delenv("JUJU_MACHINE_ID", raising=False)
    if machine_id is not None:
        monkeypatch.setenv("JUJU_MACHINE_ID", machine_id)
    assert type(supervisor.for_unit("web/0", pathlib.Path("/agents/unit-web-0/charm"))) is kind


def test_started(machine: Machine) -> None:
    """Both files are written before systemd is told; a reboot brings socket and service back."""
    machine.supervisor().ensure(LISTEN)
    assert machine.calls() == [
        "daemon-reload",
        "enable --now web-0-https.socket",
        "enable web-0-https.service",
        "restart web-0-https.service",
    ]
    assert {path.name for path in machine.units.iterdir()} == {
        "web-0-https.service",
        "web-0-https.socket",
    }


def test_runs_on(machine: Machine) -> None:
    """A hook that finds it running as it should leaves it alone."""
    machine.supervisor().ensure(LISTEN)
    machine.calls()
    machine.supervisor().ensure(LISTEN)
    assert machine.calls() == []


def test_refresh_restarts_the_service_alone(machine: Machine) -> None:
    """The socket stays: clients wait in its queue while the service starts anew."""
    machine.supervisor().ensure(LISTEN)
    machine.calls()
    machine.supervisor().ensure(LISTEN, renew=True)
    calls = machine.calls()
    assert "restart web-0-https.service" in calls
    assert not any("stop" in call for call in calls)


def test_new_port(machine: Machine) -> None:
    """A new socket: the old one, and the service that has it, end first."""
    machine.supervisor().ensure(LISTEN)
    machine.calls()
    machine.supervisor().ensure(Listen("127.0.0.1", 8444))
    assert "stop web-0-https.service web-0-https.socket" in machine.calls()
    assert "ListenStream=127.0.0.1:8444" in (machine.units / "web-0-https.socket").read_text()


def test_other_words_for_the_same_socket(machine: Machine) -> None:
    """A socket that an earlier version of the charm wrote goes on: systemd has it."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        listen = Listen("127.0.0.1", held.getsockname()[1])
        earlier = f"[Socket]\nListenStream={listen}\nBacklog=7\n"
        (machine.units / "web-0-https.socket").write_text(earlier)
        machine.supervisor().ensure(listen)
    calls = machine.calls()
    assert "restart web-0-https.service" in calls
    assert not any("stop" in call for call in calls)
    assert "Backlog=1024" in (machine.units / "web-0-https.socket").read_text()


def test_port_in_use(machine: Machine) -> None:
    """The error says which, and nothing is touched."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} of 127.0.0.1 is in use"):
            machine.supervisor().ensure(Listen("127.0.0.1", port))
    assert machine.calls() == []
    assert not list(machine.units.iterdir())


def test_systemd_fails(machine: Machine) -> None:
    """What systemd says of a service that does not start is in the error."""
    machine.fails.touch()
    with pytest.raises(ServerError, match="systemd does not start web-0-https"):
        machine.supervisor().ensure(LISTEN)


def test_nothing_is_left(machine: Machine) -> None:
    """Removal ends socket and service, and removes their files and the unit's folder."""
    supervisor = machine.supervisor()
    supervisor.ensure(LISTEN)
    supervisor.folder.mkdir(parents=True)
    machine.calls()
    supervisor.remove()
    calls = machine.calls()
    assert "disable --now web-0-https.socket" in calls
    assert "disable --now web-0-https.service" in calls
    assert not list(machine.units.iterdir())
    assert not supervisor.folder.exists()


def test_user_is_made(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own user is made when it is first needed, and the unit's folder is its own."""
    made: list[list[str]] = []
    me = pwd.getpwuid(os.getuid())

    def getpwnam(name: str) -> pwd.struct_passwd:
        if not made:
            raise KeyError(name)
        return me

    def run(command: list[str], **_: object) -> None:
        made.append(command)

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(systemd.subprocess, "run", run)
    for _ in range(2):
        machine.supervisor().make_store()
    [command] = made
    assert command[-3:] == ["--shell", "/usr/sbin/nologin", "web-0"]
    folder = machine.supervisor().folder.stat()
    assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (me.pw_uid, 0o700)


def test_user_that_cannot_be_made(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said, with the user's name, and nothing is written."""

    def run(command: list[str], **_: object) -> None:
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(systemd.subprocess, "run", run)
    with pytest.raises(ServerError, match="the user web-0 cannot be made"):
        machine.supervisor().make_store()
    assert not machine.state.exists()


def test_units_share_nothing(machine: Machine) -> None:
    """Two units on one host have files, users and folders of their own."""
    one, two = machine.supervisor("web-0"), machine.supervisor("web-1")
    assert one.folder != two.folder
    assert systemd.user_name("web-0") != systemd.user_name("web-1")
    one.ensure(LISTEN)
    two.ensure(Listen("127.0.0.2", 8443))
    assert len(list(machine.units.iterdir())) == 4


@pytest.mark.parametrize("name", ["web-0", "a-very-long-name-of-an-application-indeed-117"])
def test_user_name(name: str) -> None:
    """A user's name is short enough for useradd, and tells units apart."""
    user = systemd.user_name(name)
    assert re.fullmatch(r"[a-z][-a-z0-9]{0,30}", user)
    assert user != systemd.user_name(name + "1")


@pytest.fixture
def unit_files(machine: Machine, tmp_path: pathlib.Path) -> list[pathlib.Path]:
    machine.supervisor().ensure(LISTEN)
    files = sorted(machine.units.iterdir())
    for path in files:
        # `verify` wants a program and a user that exist here.
        text = path.read_text().replace("User=web-0", "User=root")
        path.write_text(text.replace(str(machine.state / "web-0"), str(tmp_path)))
    return files


@needs_systemd
def test_verified(unit_files: list[pathlib.Path]) -> None:
    """Systemd has nothing to say against either file."""
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, unit_files)],
        capture_output=True,
        text=True,
        check=False,
    )
    own = [line for line in result.stderr.splitlines() if "web-0" in line]
    assert (result.returncode, own) == (0, [])


@needs_systemd
def test_hardened(unit_files: list[pathlib.Path]) -> None:
    """Systemd rates the exposure of the service at no more than 2.0 of 10."""
    result = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20"),
            str(unit_files[0]),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_started_again_for_ever(unit_files: list[pathlib.Path]) -> None:
    """Systemd does not give up on the service after five failures in ten seconds."""
    before_service, _, _ = unit_files[0].read_text().partition("[Service]")
    assert "StartLimitIntervalSec=0" in before_service


def test_may_tell_systemd(unit_files: list[pathlib.Path]) -> None:
    """A service that systemd waits for may use the kind of socket at which it does."""
    text = unit_files[0].read_text()
    assert "Type=notify" in text
    families = re.search("RestrictAddressFamilies=(.*)", text)
    assert families is not None
    assert "AF_UNIX" in families[1].split()


@pytest.mark.parametrize("is_abstract", [False, True])
def test_systemd_hears_of_readiness(
    machine: Machine, tmp_path: pathlib.Path, *, is_abstract: bool
) -> None:
    """The server, run as its unit file says, tells systemd when it accepts connections."""
    command = re.search("ExecStart=(.*)", machine.supervisor().service_file())
    assert command is not None
    name = f"@notify-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        manager.bind(name.replace("@", "\0"))
        manager.settimeout(60)
        fd = listening.fileno()
        server = subprocess.Popen(
            command[1].replace("--fd=3", f"--fd={fd}").split(),
            pass_fds=[fd],
            env={**os.environ, "NOTIFY_SOCKET": name, "PYTHONPATH": str(CHARM / "src")},
        )
        try:
            assert manager.recv(100) == b"READY=1"
        finally:
            server.terminate()
            server.wait()


def test_runs_this_python(unit_files: list[pathlib.Path]) -> None:
    """A packed charm has no scripts: the charm's own interpreter runs the module."""
    assert f"ExecStart={sys.executable} -m demo_requirer.server " in unit_files[0].read_text()
