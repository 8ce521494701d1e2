"""Talking to controllers: which are there, which is meant, starting one, asking it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localjuju import home
from localjuju.flags import Parsed
from localjuju.wire import ENDING, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFAULT_CONTROLLER = "localjuju"
START_SECONDS = 30
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")


class ClientError(Exception):
    """No controller can be asked."""


class EndedError(ClientError):
    """The controller is not there, or was about to end, and has not done what it was asked."""


class NoControllerError(ClientError):
    """There is no controller at all."""


def check_name(name: str) -> None:
    """Refuse what cannot be a controller's name: it is the name of a folder too.

    Raises:
        ClientError: With what is accepted.
    """
    if not NAME.fullmatch(name):
        raise ClientError(
            f'"{name}" is not a valid controller name: it may contain letters, digits, "-", "_", '
            '"." and "@", and begins with a letter or a digit'
        )


def is_alive(folder: home.ControllerFolder) -> bool:
    """Whether a controller answers in *folder*."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(connection):
        try:
            with home.socket_address(folder.control) as address:
                connection.connect(address)
        except OSError:
            return False
        return True


def controllers() -> list[str]:
    """Return the names of the controllers that there are, alive or dead."""
    folder = home.home() / "controllers"
    if not folder.is_dir():
        return []
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    return sorted(entry.name for entry in entries if entry.is_dir())


def start(name: str, *, ends_by_itself: bool) -> bool:
    """Start a controller unless it runs; return whether it was started.

    Raises:
        ClientError: If it does not come up.
    """
    parent = os.environ.get(home.PARENT, "")
    if parent and not re.fullmatch("[1-9][0-9]*", parent):
        raise ClientError(f'{home.PARENT} is no process id: "{parent}"')
    folder = home.controller_folder(name)
    with home.starting_or_ending(folder):
        if is_alive(folder):
            return False
        if folder.pid.exists():
            raise ClientError(
                f'controller "{name}" has died; run "juju local clean" to end what is left of it'
            )
        import subprocess  # noqa: PLC0415 (see the package)

        folder.path.mkdir(mode=0o700, exist_ok=True)
        command = [sys.executable, "-m", "localjuju.controller", name]
        mark = {home.CONTROLLER_MARK: str(folder.path)}
        with folder.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 (ourselves)
                [*command, "--ends-by-itself"] if ends_by_itself else command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, **mark},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not is_alive(folder):
            if process.poll() is not None or time.monotonic() > deadline:
                said = (
                    folder.log.read_text(errors="replace").strip() if folder.log.exists() else ""
                )
                raise ClientError(f'controller "{name}" did not start: {said[-1000:]}')
            time.sleep(0.02)
        # It is not ours to wait for: it outlives this command.
        process.returncode = 0
        return True


def wait_until_gone(name: str) -> None:
    """Wait until a controller that was ended has taken its folder away."""
    deadline = time.monotonic() + START_SECONDS
    while home.controller_folder(name).path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def ask(
    controller: str,
    verb: str,
    words: Parsed | None = None,
    *,
    model: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Reply:
    """Ask a controller to do something, and return how it ended.

    Raises:
        EndedError: If it is not there (any more), or ends before it answers.
        ClientError: If it has died.
    """
    check_name(controller)
    folder = home.controller_folder(controller)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(connection):
        if folder.path.exists() and not is_alive(folder):
            # Somebody may be about to start it: then they hold this until it answers.
            with home.starting_or_ending(folder):
                pass
        try:
            with home.socket_address(folder.control) as address:
                connection.connect(address)
        except OSError as error:
            if folder.pid.exists():
                raise ClientError(
                    f'controller "{controller}" has died; run "juju local clean" to end what is '
                    "left of it"
                ) from error
            raise EndedError(f"controller {controller} not found") from error
        request = Request(verb, words or Parsed(), model, str(Path.cwd()))
        with contextlib.suppress(ConnectionError):
            connection.sendall(request.to_json())
        for line in _lines(connection):
            body: dict[str, Any] = json.loads(line)
            if "progress" in body:
                progress(body["progress"])
            elif body["reply"]["code"] == ENDING:
                break
            else:
                return Reply.from_json(body["reply"])
    raise EndedError(f'controller "{controller}" ended before it answered')


def _lines(connection: socket.socket) -> Iterator[bytes]:
    with connection.makefile("rb") as stream, contextlib.suppress(ConnectionError):
        yield from stream


class Focus:
    """Which controller and model are meant when none is named."""

    def __init__(self) -> None:
        self._file = home.home() / "focus.json"
        stored: dict[str, Any] = {}
        if self._file.exists():
            with contextlib.suppress(ValueError, AttributeError):
                stored = dict(json.loads(self._file.read_text()).items())
        self._controller: str = stored.get("controller", "")
        self._models: dict[str, str] = stored.get("models", {})

    @property
    def controller(self) -> str:
        """The current controller.

        Raises:
            NoControllerError: If there is none.
        """
        known = controllers()
        chosen = os.environ.get("JUJU_CONTROLLER") or self._controller
        if chosen in known:
            return chosen
        if named := os.environ.get("JUJU_CONTROLLER"):
            raise ClientError(f"controller {named} not found")
        if not known:
            raise NoControllerError(
                "No controllers registered.\n\nPlease either create a new controller using "
                '"juju bootstrap" or a model, which starts one, using "juju add-model".'
            )
        return known[0]

    def model_on(self, controller: str) -> str:
        """The current model of a controller; empty if there is none."""
        return self._models.get(controller, "")

    def choose(self, controller: str, model: str | None = None) -> None:
        """Make a controller current, and one of its models."""
        self._controller = controller
        if model is not None:
            self._models[controller] = model
        text = json.dumps({"controller": self._controller, "models": self._models})
        scratch = self._file.with_name(f".focus.{os.getpid()}")
        scratch.write_text(text)
        scratch.replace(self._file)

    def forget(self, controller: str, model: str = "") -> None:
        """Make a model, or a whole controller, current no more."""
        if not model or self._models.get(controller) == model:
            self._models.pop(controller, None)
            self.choose("" if not model and self._controller == controller else self._controller)

    def resolve(self, text: str) -> tuple[str, str]:
        """Return controller and model for ``[CONTROLLER:][USER/]MODEL``, or the current ones."""
        text = text or os.environ.get("JUJU_MODEL", "")
        controller = text.rpartition(":")[0] or self.controller
        return controller, short_name(text) or self.model_on(controller)


def short_name(model: str) -> str:
    """Return a model's name without its controller and user."""
    return model.rpartition(":")[2].rpartition("/")[2]
