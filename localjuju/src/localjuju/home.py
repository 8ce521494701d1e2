"""Where localjuju keeps things: one folder, closed to other users."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator

CONTROLLER_MARK = "LOCALJUJU_CONTROLLER"
"""In the environment of a controller's process: its folder, to find it when it hears no more."""

PARENT = "LOCALJUJU_PARENT_PID"
"""Names a process, such as a test run, with which a controller that it caused ends."""

LONGEST_ADDRESS = 100
"""What fits into an AF_UNIX address (108 bytes on Linux), with room to spare."""


class HomeError(Exception):
    """The folder cannot be trusted or made."""


class ControllerFolder(NamedTuple):
    """The folder of one controller."""

    path: Path

    @property
    def control(self) -> Path:
        """The socket for the ``juju`` command line."""
        return self.path / "control.sock"

    @property
    def tools_socket(self) -> Path:
        """The socket for hook tools."""
        return self.path / "tools.sock"

    @property
    def tools(self) -> Path:
        """The folder of the hook tools."""
        return self.path / "tools"

    @property
    def pid(self) -> Path:
        """A file with the process id of the controller, and its UUID."""
        return self.path / "controller.pid"

    @property
    def log(self) -> Path:
        """What the controller's process printed."""
        return self.path / "controller.log"

    def model(self, uuid: str) -> Path:
        """The folder of a model: its charms and its units' folders."""
        return self.path / "models" / uuid


def home() -> Path:
    """Return the folder of everything, made if need be.

    It is ``LOCALJUJU_HOME``, or ``localjuju`` in ``XDG_RUNTIME_DIR``, or in the user's home.

    Raises:
        HomeError: If it belongs to somebody else or is open to others.
    """
    if chosen := os.environ.get("LOCALJUJU_HOME"):
        path = Path(chosen).absolute()
    elif runtime := os.environ.get("XDG_RUNTIME_DIR"):
        path = Path(runtime) / "localjuju"
    else:
        path = Path.home() / ".local" / "share" / "localjuju"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise HomeError(f"cannot use {path}: {error.strerror}") from error
    if found.st_uid != os.getuid():
        raise HomeError(f"{path} belongs to another user; set LOCALJUJU_HOME to a folder of yours")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise HomeError(f"{path} is open to other users; run: chmod 700 {path}")
    return path


def controller_folder(name: str) -> ControllerFolder:
    """Return the folder of a controller, which need not exist."""
    return ControllerFolder(home() / "controllers" / name)


@contextlib.contextmanager
def starting_or_ending(folder: ControllerFolder) -> Generator[None]:
    """Let one process at a time make a controller's folder, or take it away."""
    folder.path.parent.mkdir(mode=0o700, exist_ok=True)
    with (folder.path.parent / f".{folder.path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def socket_address(path: Path) -> Generator[str]:
    """Give an address for a socket at *path* that fits, however long the path is.

    A long one is reached through the descriptor of its folder.
    """
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
