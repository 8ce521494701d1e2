"""Keeps the server running as a process of its own, where there is no service manager.

What is known of it, and of others that are ending, stands in `process.json` in the unit's folder.
A process id alone may by now belong to somebody else, so the file also holds when the process
started, which the kernel tells for each.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import secrets
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo_requirer.server import handover
from demo_requirer.store import Store

from . import Listen, PortInUseError, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

START_PATIENCE = 20.0
"""Seconds that a new server has until it listens."""
STOP_PATIENCE = 2.0
"""Seconds that a server has to end what it has open when the unit is removed."""
_LOG_LIMIT = 1_000_000
_BACKLOG = 1024


@dataclasses.dataclass(frozen=True)
class _Running:
    """A server that was started; whether it is still there is asked of the kernel."""

    pid: int
    start_time: int
    """In clock ticks since the machine's start: field 22 of /proc/PID/stat (proc(5))."""
    address: str
    port: int
    control: str
    """Name of the Unix socket, in the unit's folder, at which it offers its listening socket."""

    @property
    def listen(self) -> Listen:
        return Listen(self.address, self.port)

    @property
    def is_alive(self) -> bool:
        return _start_time(self.pid) == self.start_time


class DetachedSupervisor:
    """See `Supervisor`; *folder* is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "process.json"
        self._log = folder / "server.log"

    def make_store(self) -> Store:
        """See `Supervisor.make_store`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Store(self.folder / "store")

    def ensure(self, listen: Listen, *, renew: bool = False) -> None:
        """See `Supervisor.ensure`."""
        running = self._running()
        old = running[0] if running else None
        for other in running[1:]:
            # Of a hook that was killed half-way, or one that is ending as it was told.
            _signal(other, signal.SIGTERM)
        if old and old.listen == listen and not renew:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._listening_socket(old, listen) as listening:
            new = self._start(listening, listen, running)
        self._remember([new, *running])
        if old:
            # It stops accepting at once and ends what it has open, in its own time.
            _signal(old, signal.SIGTERM)

    def remove(self) -> None:
        """See `Supervisor.remove`."""
        running = self._running()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for one in running:
                _signal(one, number)
            if _gone(running, STOP_PATIENCE):
                break
        shutil.rmtree(self.folder, ignore_errors=True)

    def _running(self) -> list[_Running]:
        """Return the servers that are still there: the one in use, then others that are ending."""
        try:
            raw: list[dict[str, Any]] = json.loads(self._state.read_text())
            known = [_Running(**one) for one in raw]
        except (OSError, ValueError, TypeError):
            return []
        return [one for one in known if one.is_alive]

    def _remember(self, running: Sequence[_Running]) -> None:
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps([dataclasses.asdict(one) for one in running]))
        new.replace(self._state)

    def _listening_socket(self, old: _Running | None, listen: Listen) -> socket.socket:
        """Return the old server's socket where it is the wanted one, else a new one."""
        if old and old.listen == listen:
            try:
                return handover.receive(self.folder / old.control)
            except OSError:
                # It hangs, and has the port: without its end there is no beginning.
                _signal(old, signal.SIGKILL)
                _gone([old], STOP_PATIENCE)
        return bind(listen)

    def _start(self, listening: socket.socket, listen: Listen, known: list[_Running]) -> _Running:
        """Start a server on *listening*; return when it accepts connections.

        It is remembered before it is ready, after those that are *known*: if this hook is killed
        now, a later one finds it. (Killed even before that, there is nobody to tell of its
        readiness, and the server ends by itself.)
        """
        control = f"control-{secrets.token_hex(4)}"
        read_end, write_end = os.pipe()
        try:
            listening.set_inheritable(True)
            os.set_inheritable(write_end, True)
            command = [
                sys.executable,
                "-m",
                "demo_requirer.server",
                f"--store={self.folder / 'store'}",
                f"--fd={listening.fileno()}",
                f"--control={self.folder / control}",
                f"--ready-fd={write_end}",
            ]
            pid = self._spawn(command)
        finally:
            os.close(write_end)
        new = _Running(pid, _start_time(pid) or 0, listen.address, listen.port, control)
        try:
            self._remember([*known, new])
            if not _is_ready(read_end):
                _kill(pid)
                raise ServerError(f"the server does not start: {self._last_words()}")
        finally:
            os.close(read_end)
        return new

    def _spawn(self, command: list[str]) -> int:
        """Start *command* in a session of its own, where the end of the hook does not reach it.

        The environment is the hook's: it says which unit the process belongs to. (posix_spawn and
        not subprocess, which warns of a child that is left running; here that is what is wanted.)
        """
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        source = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.posix_spawn(
            command[0],
            command,
            {**os.environ, "PYTHONPATH": path},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self._log), append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return f"{lines[-1] if lines else 'it says nothing'} ({self._log})"


def bind(listen: Listen) -> socket.socket:
    """Return a socket that listens at *listen*.

    Raises:
        PortInUseError: Somebody else does.
        ServerError: The address is not this machine's, or the port may not be used.
    """
    family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
    bound = socket.socket(family)
    try:
        # Without it, connections of an earlier server that linger in TIME_WAIT forbid the port.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((listen.address, listen.port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(listen) from error
        raise ServerError(f"cannot listen at {listen}: {error.strerror}") from error
    return bound


def _is_ready(read_end: int) -> bool:
    """Wait for the server's byte; its end without one, or silence, is no readiness."""
    readable, _, _ = select.select([read_end], [], [], START_PATIENCE)
    return bool(readable and os.read(read_end, 1))


def _start_time(pid: int) -> int | None:
    """Return when a process started, or None when it has ended (a zombie has)."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the command in parentheses, and may itself hold spaces and parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def _signal(running: _Running, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if running.is_alive:
            os.kill(running.pid, number)


def _kill(pid: int) -> None:
    """End a child that this hook has just started."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _gone(running: Sequence[_Running], patience: float) -> bool:
    end = time.monotonic() + patience
    while any(one.is_alive for one in running):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
