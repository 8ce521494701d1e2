"""A listening socket goes from a running server to whoever starts the next one.

The running server offers it at a Unix socket in its own folder; whoever may enter that folder
(its mode is 0700) connects and gets the file descriptor (SCM_RIGHTS, unix(7)). Both processes
then have the same socket, with one queue of waiting connections: none is refused while one server
ends and the next begins.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator
    from pathlib import Path

_TIMEOUT = 5.0


class Offer:
    """Gives a copy of a listening socket to whoever asks at a path, while the event loop runs.

    Args:
        path: Of the Unix socket; replaced when it is there.
        listening: What is given away; stays the caller's.
        loop: Answers who asks.
    """

    def __init__(
        self, path: Path, listening: socket.socket, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._path = path
        self._listening = listening.dup()
        self._loop = loop
        path.unlink(missing_ok=True)
        self._control = socket.socket(socket.AF_UNIX)
        with _short(path) as name:
            self._control.bind(name)
        self._control.listen()
        self._control.setblocking(False)
        self._loop.add_reader(self._control, self._give)

    def close(self) -> None:
        """Give no more; may be called again."""
        if self._control.fileno() == -1:
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        self._listening.close()
        self._path.unlink(missing_ok=True)

    def _give(self) -> None:
        with contextlib.suppress(OSError):  # Whoever asked has gone again.
            connection, _ = self._control.accept()
            with connection:
                socket.send_fds(connection, [b"\0"], [self._listening.fileno()])


def receive(path: Path) -> socket.socket:
    """Return the listening socket of the server that offers it at *path*.

    Raises:
        OSError: Nobody offers one there.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_TIMEOUT)
        with _short(path) as name:
            connection.connect(name)
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    if not descriptors:
        raise ConnectionError(f"the server behind {path} gave no socket")
    return socket.socket(fileno=descriptors[0])


@contextlib.contextmanager
def _short(path: Path) -> Generator[str, None, None]:
    """Give a name for *path* that fits the 108 bytes of a Unix socket's address."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
