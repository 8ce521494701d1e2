"""Where localjuju keeps things: one folder, closed to other users."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

CONTROLLER_MARK = "LOCALJUJU_CONTROLLER"
"""In the environment of a controller's process: its folder, to find it when it hears no more."""

CHOSEN = "LOCALJUJU_HOME"
"""Names the folder of everything, in place of one in the user's home."""

PARENT = "LOCALJUJU_PARENT_PID"
"""Names a process, such as a test run, with which a controller that it caused ends."""

LONGEST_ADDRESS = 100
"""What fits into an AF_UNIX address (108 bytes on Linux), with room to spare."""


class HomeError(Exception):
    """The folder cannot be trusted or made."""


class ControllerFolder:
    """The folder of one controller.

    Args:
        place: Where it is, as text: every call of ``juju`` makes do with that, and is spared the
            import of ``pathlib``.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def exists(self) -> bool:
        """Whether it is there."""
        return os.path.exists(self.place)

    @property
    def control(self) -> str:
        """The socket for the ``juju`` command line."""
        return f"{self.place}/control.sock"

    @property
    def tools_socket(self) -> str:
        """The socket for hook tools."""
        return f"{self.place}/tools.sock"

    @property
    def path(self) -> Path:
        """The folder itself."""
        from pathlib import Path  # noqa: PLC0415 (see above)

        return Path(self.place)

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


def home() -> str:
    """Return the folder of everything, made if need be.

    It is ``LOCALJUJU_HOME``, or ``localjuju`` in ``XDG_RUNTIME_DIR``, or in the user's home.

    Raises:
        HomeError: If it belongs to somebody else, is open to others, or cannot be made.
    """
    if chosen := os.environ.get(CHOSEN):
        path = chosen if os.path.isabs(chosen) else os.path.join(os.getcwd(), chosen)
    elif runtime := os.environ.get("XDG_RUNTIME_DIR"):
        path = os.path.join(runtime, "localjuju")
    else:
        path = os.path.expanduser("~/.local/share/localjuju")
        if path.startswith("~"):
            raise HomeError("you have no home folder; set LOCALJUJU_HOME to a folder of yours")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.stat(path)
    except OSError as error:
        raise HomeError(f"cannot use {path}: {error.strerror}") from error
    if found.st_uid != os.getuid():
        raise HomeError(f"{path} belongs to another user; set LOCALJUJU_HOME to a folder of yours")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise HomeError(f"{path} is open to other users; run: chmod 700 {path}")
    return path


def controller_folder(name: str) -> ControllerFolder:
    """Return the folder of a controller, which need not exist."""
    return ControllerFolder(os.path.join(home(), "controllers", name))


def starting_or_ending(folder: ControllerFolder) -> TextIO:
    """Let one process at a time make a controller's folder, or take it away.

    Returns:
        What is held until it is closed: ``with starting_or_ending(folder):``.
    """
    import fcntl  # noqa: PLC0415 (few calls of `juju` need it)

    above = folder.path.parent
    above.mkdir(mode=0o700, exist_ok=True)
    lock = (above / f".{folder.path.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except BaseException:
        lock.close()
        raise
    return lock


def at_socket(path: str, act: Callable[[str], object]) -> None:
    """Do something, ``connect`` or ``bind``, with an address for the socket at *path*.

    One fits however long the path is: a long one is reached through the descriptor of its folder.
    """
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        act(path)
        return
    above, name = os.path.split(path)
    folder = os.open(above, os.O_RDONLY | os.O_DIRECTORY)
    try:
        act(f"/proc/self/fd/{folder}/{name}")
    finally:
        os.close(folder)
