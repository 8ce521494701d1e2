"""Keeps the server running as a systemd service, with a socket unit that outlives its restarts.

systemd holds the listening socket. While the service is restarted, clients wait in its queue, and
none is refused; after a reboot both are there before Juju is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from charmlibs import systemd
from demo_requirer.store import Store

from . import Listen, ServerError
from .detached import bind

_UNITS = Path("/etc/systemd/system")
_USER_LENGTH = 31
"""Of a user's name, useradd(8)."""


class SystemdSupervisor:
    """See `Supervisor`.

    Args:
        name: The unit's name with a dash, such as `demo-requirer-0`; no other on the host has it.
        charm_folder: Where the charm's code is, which the service runs.
        units: Folder of systemd's unit files.
        state: Folder under which this unit's own files are.
    """

    def __init__(
        self,
        name: str,
        charm_folder: Path,
        units: Path = _UNITS,
        state: Path = Path("/var/lib"),
    ) -> None:
        self.folder = state / name
        self._name = f"{name}-https"
        self._charm_folder = charm_folder
        self._service = units / f"{self._name}.service"
        self._socket = units / f"{self._name}.socket"
        self._user = user_name(name)

    def make_store(self) -> Store:
        """See `Supervisor.make_store`: its files are the service's user's."""
        try:
            user = pwd.getpwnam(self._user)
        except KeyError:
            self._make_user()
            user = pwd.getpwnam(self._user)
        owner = (user.pw_uid, user.pw_gid)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(self.folder, *owner)
        return Store(self.folder / "store", owner)

    def ensure(self, listen: Listen, *, renew: bool = False) -> None:
        """See `Supervisor.ensure`."""
        service = self.service_file()
        listening = socket_file(self._name, listen)
        before = _text(self._socket)
        is_new = before != listening or _text(self._service) != service
        runs = systemd.service_running(self._service.name)
        if runs and not (is_new or renew):
            return
        # Another version of this charm may have said other things of the same socket: that one is
        # systemd's already, and stays.
        moves = _listen_line(before or "") != _listen_line(listening)
        if moves:
            # Found out before anything is touched: systemd would say no more than "failed".
            bind(listen).close()
        try:
            self._apply(service, listening, moves=moves)
        except (systemd.SystemdError, OSError) as error:
            raise ServerError(f"systemd does not start {self._service.name}: {error}") from error

    def remove(self) -> None:
        """See `Supervisor.remove`."""
        for unit in (self._socket, self._service):
            if unit.exists():
                # One that was never started cannot be stopped; its file goes all the same.
                with contextlib.suppress(systemd.SystemdError):
                    systemd.service_disable("--now", unit.name)
                unit.unlink()
        systemd.daemon_reload()
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(KeyError):
            pwd.getpwnam(self._user)
            subprocess.run(["/usr/sbin/userdel", self._user], check=False, capture_output=True)  # noqa: S603  # Our own user.

    def service_file(self) -> str:
        """Return the text of the service's unit file."""
        paths = (self._charm_folder / part for part in ("src", "lib", "venv"))
        return _SERVICE.format(
            name=self._name,
            user=self._user,
            folder=self.folder,
            python=sys.executable,
            python_path=":".join(map(str, paths)),
        )

    def _apply(self, service: str, listening: str, *, moves: bool) -> None:
        _write(self._service, service)
        if moves and self._socket.exists():
            systemd.service_stop(self._service.name, self._socket.name)
        _write(self._socket, listening)
        systemd.daemon_reload()
        systemd.service_enable("--now", self._socket.name)
        systemd.service_enable(self._service.name)
        systemd.service_restart(self._service.name)

    def _make_user(self) -> None:
        command = ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home"]
        command += ["--home-dir", str(self.folder), "--shell", "/usr/sbin/nologin", self._user]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # A name of our own making.
        except (OSError, subprocess.CalledProcessError) as error:
            raise ServerError(f"the user {self._user} cannot be made: {error}") from error


def user_name(name: str) -> str:
    """Return a user's name for a unit's: the same, or its beginning and a digest."""
    if len(name) <= _USER_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _USER_LENGTH - 9]}-{digest}"


def socket_file(name: str, listen: Listen) -> str:
    """Return the text of the socket's unit file."""
    return _SOCKET.format(name=name, listen=listen)


def _listen_line(text: str) -> str:
    """Return where a socket's unit file says to listen; empty if it does not."""
    return next((line for line in text.splitlines() if line.startswith("ListenStream=")), "")


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _write(path: Path, text: str) -> None:
    """Write a unit file: a hook that is killed leaves the old one or the new, and no half."""
    if _text(path) != text:
        new = path.with_name(f"{path.name}.new")
        new.write_text(text)
        new.replace(path)


_SOCKET = """\
# Written by the charm, and again in each of its hooks.
[Unit]
Description=HTTPS socket of {name}

[Socket]
ListenStream={listen}
# At boot the address may come after the socket.
FreeBind=true
Backlog=1024

[Install]
WantedBy=sockets.target
"""

_SERVICE = """\
# Written by the charm, and again in each of its hooks.
[Unit]
Description=HTTPS server of {name}
Requires={name}.socket
After={name}.socket network.target
# Whatever made it fail may pass: it is started again for ever, and not five times.
StartLimitIntervalSec=0

[Service]
# It says when it accepts connections: a server that cannot do so fails the hook that starts it.
Type=notify
TimeoutStartSec=60
ExecStart={python} -m demo_requirer.server --store={folder}/store --fd=3 --notify
Environment=PYTHONPATH={python_path} PYTHONDONTWRITEBYTECODE=1
User={user}
WorkingDirectory={folder}
Restart=always
RestartSec=1
# The server ends what it has open before it goes.
TimeoutStopSec=45
KillMode=mixed

# It reads its store and the charm's code, and answers on a socket that it is given. AF_UNIX is
# for its word to systemd.
CapabilityBoundingSet=
AmbientCapabilities=
DevicePolicy=closed
LockPersonality=true
NoNewPrivileges=true
PrivateDevices=true
PrivateTmp=true
PrivateUsers=true
ProcSubset=pid
ProtectClock=true
ProtectControlGroups=true
ProtectHome=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077

[Install]
WantedBy=multi-user.target
"""
