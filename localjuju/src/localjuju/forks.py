"""The charm's process, for a charm that runs with localjuju's own interpreter.

Two thirds of a short hook's time are imports that are the same in every hook. So one interpreter
(``localjuju.forkserver``) does them once, and forks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

from . import forkserver, processes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO


END_SECONDS = 2.0
"""How long the warm interpreter may take to end what it forked, and itself."""


class Process(Protocol):
    """What an agent needs to know of a charm's process."""

    @property
    def pid(self) -> int:
        """Its id, and its process group's."""
        ...

    @property
    def returncode(self) -> int | None:
        """As of ``subprocess.Popen``; None while it runs."""
        ...

    async def wait(self) -> int:
        """Wait for its end, and return its code."""
        ...


class Fork:
    """A process that was forked from the warm interpreter, in a session of its own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """As of ``subprocess.Popen``; None while it runs."""
        return self.ended.result() if self.ended.done() else None

    async def wait(self) -> int:
        """Wait for its end, and return its code."""
        return await asyncio.shield(self.ended)


class Forks:
    """The warm interpreter, started when it is first needed and again if it has died."""

    def __init__(self) -> None:
        self._channel: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._last_number = 0
        self._starting: dict[int, asyncio.Future[Fork]] = {}
        self._running: dict[int, Fork] = {}

    async def start(
        self,
        argv: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: BinaryIO,
        stderr: BinaryIO,
    ) -> Fork:
        """Run a Python script as ``sys.executable`` would.

        Args:
            argv: The script, within *cwd*, and its arguments.
            cwd: The folder to run it in.
            env: All its variables.
            stdout: Where its output goes; its input is empty.
            stderr: Where its errors go.

        Raises:
            OSError: If there is no such folder, what is asked for is too long, or the interpreter
                died before the script was begun, and another as well.
        """
        _must_be_there(cwd)
        streams = [stdout.fileno(), stderr.fileno()]
        request = {"argv": argv, "cwd": str(cwd), "env": dict(env)}
        try:
            return await self._ask(request, streams)
        except _EndedError:
            # It had died, and nobody had noticed.
            return await self._ask(request, streams)

    def close(self) -> None:
        """End the warm interpreter, and what it forked."""
        channel, server = self._channel, self._server
        if channel is None or server is None:
            return
        # It alone knows of forks that it has not told of yet.
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_WR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(END_SECONDS)
        self._lost(channel)

    async def _ask(self, request: dict[str, Any], streams: list[int]) -> Fork:
        channel = self._channel if self._channel is not None else self._start_server()
        self._last_number += 1
        number = self._last_number
        message = json.dumps({"number": number, **request}).encode()
        if len(message) > forkserver.LONGEST_REQUEST:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG), request["argv"][0])
        try:
            socket.send_fds(channel, [message], streams)
        except ConnectionError as error:
            self._lost(channel)
            raise _EndedError from error
        started: asyncio.Future[Fork] = asyncio.get_running_loop().create_future()
        self._starting[number] = started
        try:
            return await started
        except BaseException:
            # Whoever asked does not want it any more, and it may be there all the same.
            if started.done() and not started.cancelled() and started.exception() is None:
                processes.end_group(started.result().pid)
            raise

    def _start_server(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 (ourselves)
                [sys.executable, "-m", "localjuju.forkserver", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd="/",
                # Room for the mark of any unit.
                env={"LANG": "C.UTF-8", processes.MARK: " " * forkserver.LONGEST_MARK},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel = ours
        asyncio.get_running_loop().add_reader(ours, self._read, ours)
        return ours

    def _read(self, channel: socket.socket) -> None:
        try:
            data = channel.recv(forkserver.LONGEST_REQUEST)
        except ConnectionError:
            data = b""
        if not data:
            self._lost(channel)
            return
        told = json.loads(data)
        number = told["number"]
        if "pid" in told:
            fork = self._running[number] = Fork(told["pid"])
            started = self._starting.pop(number)
            if started.cancelled():
                processes.end_group(fork.pid)
            else:
                started.set_result(fork)
        elif fork := self._running.pop(number, None):
            fork.ended.set_result(told["code"])
        elif started := self._starting.pop(number, None):
            _fail(started)

    def _lost(self, channel: socket.socket) -> None:
        """The interpreter is gone, or no longer wanted: so is everything that it forked."""
        if channel is not self._channel:
            return
        asyncio.get_running_loop().remove_reader(channel)
        channel.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._channel = self._server = None
        for fork in self._running.values():
            processes.end_group(fork.pid)
            fork.ended.set_result(-signal.SIGKILL)
        for started in self._starting.values():
            _fail(started)
        self._running.clear()
        self._starting.clear()


def _must_be_there(folder: Path) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))


class _EndedError(OSError):
    """The warm interpreter ended before it began what it was asked for."""

    def __init__(self) -> None:
        super().__init__(None, "the interpreter ended", sys.executable)


def _fail(started: asyncio.Future[Fork]) -> None:
    if not started.done():
        started.set_exception(_EndedError())
