"""A warm interpreter, which has imported what charms import and forks for each hook.

Run by ``localjuju.forks``, which says what to run over a socket that is the first argument. What
it forks is the charm's own process: in its session, with its variables, streams and folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import selectors
import signal
import socket
import sys
import types
from typing import TYPE_CHECKING, Any

from . import processes

if TYPE_CHECKING:
    from collections.abc import Mapping

PRELOADED = (
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509.verification",
    "ops",
    "pydantic",
)
"""What most charms import, and takes most of a short hook's time. None of it need be there."""

LONGEST_MARK = 1024
LONGEST_REQUEST = 1 << 17


def main() -> None:
    """Serve until whoever asks is gone; in each fork, be the charm."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    mark = _find_mark()
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            # The charm that needs it will say so.
            continue
    # A collection in a fork would write to, and so copy, every page of what is shared.
    gc.freeze()
    request = _serve(channel)
    if request is not None:
        _write_mark(mark, request["env"].get(processes.MARK, ""))
        _be(**request)


def _find_mark() -> int | None:
    """Where in this process's memory the mark is that others read in /proc/PID/environ."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    return libc.getenv(processes.MARK.encode())


def _write_mark(place: int | None, mark: str) -> None:
    """Let others find this process by its unit, as if it had been started with its variables."""
    text = mark.encode()
    if place is not None and len(text) < LONGEST_MARK:
        ctypes.memmove(place, text.ljust(LONGEST_MARK, b"\0"), LONGEST_MARK)


def _serve(channel: socket.socket) -> dict[str, Any] | None:
    """Fork for each request, and tell of each fork's end; return the request in the fork."""
    numbers: dict[int, int] = {}
    woken, waker = socket.socketpair()
    woken.setblocking(False)
    waker.setblocking(False)
    # A handler that does nothing: the signal must come, and only wake.
    signal.signal(signal.SIGCHLD, _do_nothing)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _tell_of_ends(channel, numbers)
            if channel not in ready:
                continue
            data, streams, *_ = socket.recv_fds(channel, LONGEST_REQUEST, 2)
            if not data:
                _end(numbers)
                return None
            request = json.loads(data)
            number = request.pop("number")
            pid = _fork(channel, number)
            if pid == 0:
                break
            if pid is not None:
                numbers[pid] = number
            for stream in streams:
                os.close(stream)
    _leave(channel, number, streams)
    for opened in (channel, woken, waker):
        opened.close()
    return request


def _fork(channel: socket.socket, number: int) -> int | None:
    try:
        return os.fork()
    except OSError:
        # No room for another process: that one has failed, and what runs goes on.
        _tell(channel, {"number": number, "code": 1})
        return None


def _leave(channel: socket.socket, number: int, streams: list[int]) -> None:
    """Become a process of its own, with its own streams, in the fork."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    _tell(channel, {"number": number, "pid": os.getpid()})
    for source, target in zip(streams, (1, 2), strict=True):
        os.dup2(source, target)
        os.close(source)


def _do_nothing(_number: int, _frame: types.FrameType | None) -> None:
    pass


def _tell_of_ends(channel: socket.socket, numbers: dict[int, int]) -> None:
    while numbers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        _tell(channel, {"number": numbers.pop(pid), "code": code})


def _tell(channel: socket.socket, what: Mapping[str, int]) -> None:
    # Whoever asked may be gone: the end of what it sends says so.
    with contextlib.suppress(ConnectionError):
        channel.send(json.dumps(what).encode())


def _end(numbers: Mapping[int, int]) -> None:
    """End with whoever asked: as when a machine's agent dies, its hooks do not go on."""
    for pid in numbers:
        processes.end_group(pid)


def _be(argv: list[str], cwd: str, env: dict[str, str]) -> None:
    """Run a script as an interpreter would that was just started for it.

    Args:
        argv: The script, within *cwd*, and its arguments.
        cwd: The folder to run it in.
        env: All its variables.
    """
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    script = os.path.abspath(argv[0])  # noqa: PTH100 (what `python SCRIPT` does)
    first = [os.path.dirname(script)]  # noqa: PTH120
    first += [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if _brings(first) & {name.partition(".")[0] for name in sys.modules} - {"__main__"}:
        # The charm's own would have been imported in place of what this process has imported.
        os.execve(sys.executable, [sys.executable, *argv], env)  # noqa: S606 (ourselves)
    sys.path[:1] = first
    sys.argv[:] = argv
    program = types.ModuleType("__main__")
    program.__file__ = script
    sys.modules["__main__"] = program
    with io.open_code(script) as file:
        code = compile(file.read(), script, "exec", dont_inherit=True)
    exec(code, program.__dict__)  # noqa: S102 (the charm is what this process is for)


def _brings(folders: list[str]) -> set[str]:
    """The names of what can be imported from some folders."""
    found: set[str] = set()
    for folder in folders:
        if os.path.isdir(folder):  # noqa: PTH112
            found.update(name.partition(".")[0] for name in os.listdir(folder))  # noqa: PTH208
    return found


if __name__ == "__main__":
    main()
