"""Talking to controllers: which are there, which is meant, starting one, asking it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time

from localjuju import home
from localjuju.flags import Parsed
from localjuju.wire import ENDING, Reply, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

DEFAULT_CONTROLLER = "localjuju"
START_SECONDS = 30
LONGEST_NAME = 100


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
    plain = name.translate(dict.fromkeys(map(ord, "._@-"), "a"))
    is_plain = plain.isascii() and plain.isalnum()
    if not is_plain or not name[0].isalnum() or len(name) > LONGEST_NAME:
        raise ClientError(
            f'"{name}" is not a valid controller name: it may contain letters, digits, "-", "_", '
            '"." and "@", and begins with a letter or a digit'
        )


def is_alive(folder: home.ControllerFolder) -> bool:
    """Whether a controller answers in *folder*."""
    try:
        _connect(folder).close()
    except OSError:
        return False
    return True


def _connect(folder: home.ControllerFolder) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        home.at_socket(folder.control, connection.connect)
    except OSError:
        connection.close()
        raise
    return connection


def controllers() -> list[str]:
    """Return the names of the controllers that there are, alive or dead."""
    try:
        with os.scandir(os.path.join(home.home(), "controllers")) as entries:
            return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def start(name: str, *, ends_by_itself: bool) -> bool:
    """Start a controller unless it runs; return whether it was started.

    Raises:
        ClientError: If it does not come up.
    """
    parent = os.environ.get(home.PARENT, "")
    if parent and not (parent.isascii() and parent.isdigit() and parent[0] != "0"):
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
        # It runs elsewhere, where a home that is said from here would be another.
        mark = {home.CONTROLLER_MARK: str(folder.path), home.CHOSEN: home.home()}
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
    """Wait until a controller that ends has left nothing; not for one that answers or has died."""
    folder = home.controller_folder(name)
    deadline = time.monotonic() + START_SECONDS
    while _is_ending(name) and folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if not folder.exists():
        # It is held until all that was in the folder is removed.
        home.starting_or_ending(folder).close()


def _is_ending(name: str) -> bool:
    try:
        ask(name, "ping")
    except EndedError:
        return True
    except ClientError:
        # It has died, and will not end by itself any more.
        return False
    return False


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
    request = Request(verb, words or Parsed(), model, os.getcwd())
    with _reach(controller) as connection:
        for line in _exchange(connection, request):
            body: dict[str, Any] = json.loads(line)
            if "progress" in body:
                progress(body["progress"])
            elif body["reply"]["code"] == ENDING:
                break
            else:
                return Reply.from_json(body["reply"])
    raise EndedError(f'controller "{controller}" ended before it answered')


def _reach(controller: str) -> socket.socket:
    """Connect to a controller, also to one that is being started."""
    folder = home.controller_folder(controller)
    try:
        return _connect(folder)
    except OSError:
        if folder.exists():
            # Somebody may be about to start it: then they hold this until it answers.
            home.starting_or_ending(folder).close()
    try:
        return _connect(folder)
    except OSError as error:
        if folder.pid.exists():
            raise ClientError(
                f'controller "{controller}" has died; run "juju local clean" to end what is '
                "left of it"
            ) from error
        raise EndedError(f"controller {controller} not found") from error


def _exchange(connection: socket.socket, request: Request) -> Iterator[bytes]:
    """Send a request; yield the lines of the answer, until the controller has said all or ends."""
    try:
        connection.sendall(request.to_json())
        with connection.makefile("rb") as stream:
            yield from stream
    except ConnectionError:
        return


class Focus:
    """Which controller and model are meant when none is named."""

    def __init__(self) -> None:
        self._file = os.path.join(home.home(), "focus.json")
        try:
            with open(self._file, encoding="utf-8") as file:
                stored: dict[str, Any] = dict(json.load(file).items())
        except (FileNotFoundError, ValueError, AttributeError):
            # None is there, or none that was written here.
            stored = {}
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
        scratch = os.path.join(home.home(), f".focus.{os.getpid()}")
        with open(scratch, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(scratch, self._file)

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
