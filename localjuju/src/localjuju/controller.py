"""One controller: a process behind a Unix socket that owns models and runs their units."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import random
import shutil
import signal
import socket
import sys
import traceback
import uuid
from typing import TYPE_CHECKING, Any

from . import home, operations, processes, toolclient
from .addresses import AddressPool
from .agent import Agent, Run
from .forks import Forks
from .hooktools import names as tool_names
from .model import JujuError, Model, NotFoundError, Unit, hooks
from .wire import ENDING, Reply, Request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
    from pathlib import Path

SEATS = 8
"""How many hooks run at a time; more would only make each slower."""

WATCH_SECONDS = 2.0
"""How often a controller looks whether it is still wanted."""

LEASE = 60.0
"""For how many seconds a unit that is lost goes on being the leader."""


class Controller:
    """The models of one controller, and everything that runs for them.

    Args:
        name: The controller's name.
        folder: Where its sockets and the units' folders are.
        ends_by_itself: Whether it ends with its last model, since nobody asked for it by name.
    """

    def __init__(self, name: str, folder: home.ControllerFolder, *, ends_by_itself: bool) -> None:
        self.name = name
        self.folder = folder
        self.uuid = str(uuid.uuid4())
        self.started = self.now()
        self.models: dict[str, Model] = {}
        self.agents: dict[tuple[str, str], Agent] = {}
        self.runs: dict[str, Run] = {}
        """What runs now, by the id that hook tools name it with."""
        self.forks = Forks()
        self._seats = asyncio.Semaphore(SEATS)
        self.addresses = AddressPool()
        self.ending = asyncio.Event()
        self._ends_by_itself = ends_by_itself
        self._waiting: set[asyncio.Event] = set()
        self._background: set[asyncio.Task[None]] = set()

    @staticmethod
    def now() -> datetime.datetime:
        """The present moment, aware, in UTC."""
        return datetime.datetime.now(datetime.timezone.utc)

    # Models.

    def add_model(self, name: str, config: dict[str, str]) -> Model:
        """Add a model.

        Raises:
            JujuError: If there is one of that name.
        """
        if any(model.name == name for model in self.models.values()):
            raise JujuError(
                f'failed to create new model: creating model "{name}": model already exists'
            )
        identity = str(uuid.uuid4())
        # First what may fail.
        self.folder.model(identity).mkdir(parents=True)
        model = Model(
            name,
            identity,
            self.now(),
            rng=random.Random(),  # noqa: S311 (names of things, no secrets)
            addresses=self.addresses,
            models=self.models,
        )
        model.config.update(config)
        return model

    def model(self, name: str) -> Model:
        """Return a model by its name.

        Raises:
            NotFoundError: If there is none.
        """
        for model in self.models.values():
            if model.name == name:
                return model
        raise NotFoundError(f"model {self.name}:admin/{name} not found")

    def charm_folder(self, model: Model, unit: Unit) -> Path:
        """Where the files of the charm are that a unit is to run."""
        app = model.applications[unit.app]
        return self.charm_path(model, app.charm.name, unit.charm_told)

    def charm_path(self, model: Model, charm: str, revision: int) -> Path:
        """Where the files of a revision of a charm are."""
        return self.folder.model(model.uuid) / "charms" / f"{charm}-{revision}"

    async def end_model(self, model: Model) -> None:
        """Take a model away at once, without hooks: processes, folders, everything."""
        agents = [agent for (owner, _), agent in self.agents.items() if owner == model.uuid]
        await asyncio.gather(*(agent.cancel() for agent in agents))
        await asyncio.to_thread(processes.end_marked, f"{self.uuid}/{model.uuid}")
        for agent in agents:
            self.agents.pop((model.uuid, agent.unit.name), None)
            model.forget_unit(agent.unit)
        for relation in list(model.relations.values()):
            model.break_relation(relation)
        self.models.pop(model.uuid, None)
        await asyncio.to_thread(shutil.rmtree, self.folder.model(model.uuid), ignore_errors=True)
        self.model_changed()
        if self._ends_by_itself and not self.models:
            self.ending.set()

    # Units.

    def model_changed(self) -> None:
        """Have every agent and everybody who waits look again; start agents of new units."""
        for model in self.models.values():
            for unit in model.units():
                if (model.uuid, unit.name) not in self.agents:
                    self.agents[model.uuid, unit.name] = Agent(self, model, unit)
        for agent in self.agents.values():
            agent.wake()
        for event in self._waiting:
            event.set()

    def unit_is_gone(self, agent: Agent) -> None:
        """Take away what is left of a unit that has run its last hook."""
        self._later(self._bury(agent))

    async def remove_now(self, model: Model, unit: Unit) -> None:
        """Take a unit away without its last hooks, as ``--force`` does."""
        agent = self.agents.get((model.uuid, unit.name))
        if agent is not None:
            await agent.cancel()
            self.agents.pop((model.uuid, unit.name), None)
        model.forget_unit(unit)
        self.model_changed()

    async def _bury(self, agent: Agent) -> None:
        await agent.cancel()
        self.agents.pop((agent.model.uuid, agent.unit.name), None)
        if agent.unit.app in agent.model.applications:
            agent.model.forget_unit(agent.unit)
        self.model_changed()

    def lose_leader_later(self, model: Model, unit: Unit) -> None:
        """Elect another leader if the unit that was lost does not come back in time."""

        async def lose() -> None:
            await asyncio.sleep(LEASE)
            app = model.applications.get(unit.app)
            if app is not None and unit.paused and app.leader == unit.number:
                hooks.move_leadership(app)
                self.model_changed()

        self._later(lose())

    async def wait_for(self, ready: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until *ready*; return whether it came in time."""
        loop, event, late = asyncio.get_running_loop(), asyncio.Event(), False

        def alarm() -> None:
            nonlocal late
            late = True
            event.set()

        handle = None if seconds is None else loop.call_later(seconds, alarm)
        self._waiting.add(event)
        try:
            while not ready() and not late:
                event.clear()
                await event.wait()
        finally:
            self._waiting.discard(event)
            if handle is not None:
                handle.cancel()
        return ready()

    @contextlib.asynccontextmanager
    async def seat(self, seconds: float) -> AsyncGenerator[None]:
        """Take a seat to run something; give it up after *seconds*, done or not."""
        await self._seats.acquire()
        held = True

        def give_up() -> None:
            nonlocal held
            if held:
                held = False
                self._seats.release()

        alarm = asyncio.get_running_loop().call_later(seconds, give_up)
        try:
            yield
        finally:
            alarm.cancel()
            give_up()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # The sockets.

    async def serve(self) -> None:
        """Answer until the controller is ended; then leave nothing behind."""
        toolclient.write_tools(self.folder.tools, tool_names(), home.LONGEST_ADDRESS)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ending.set)
        self.folder.pid.write_text(json.dumps({"pid": os.getpid(), "uuid": self.uuid}))
        tools = await _listen(self.folder.tools_socket, self._answer_tool)
        control = await _listen(self.folder.control, self._answer_verb)
        self._later(self._end_when_unwanted())
        await self.ending.wait()
        for model in list(self.models.values()):
            await self.end_model(model)
        gone = self.folder.path.with_name(f".{self.uuid}")
        with contextlib.ExitStack() as until_nothing_is_left:
            if self._is_at_home():
                # Who waits for this may remove what is around the folder.
                until_nothing_is_left.enter_context(home.starting_or_ending(self.folder))
                # From here on nobody finds this controller.
                self.folder.path.rename(gone)
            control.close()
            tools.close()
            self.forks.close()
            self.addresses.close()
            await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)

    def _is_at_home(self) -> bool:
        """Whether the folder is there, and this controller's own."""
        try:
            return json.loads(self.folder.pid.read_text())["uuid"] == self.uuid
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return False
        except OSError:
            # Too many open files, say: no word of whose it is.
            return True

    async def _end_when_unwanted(self) -> None:
        """End when the folder was deleted, or the process is gone that caused this one.

        So that neither `rm -r` nor a test run that was killed leaves a controller behind.
        """
        pid = int(os.environ.get(home.PARENT) or 0)
        parent = processes.identity(pid) if pid else None
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            orphaned = pid and (parent is None or processes.identity(pid) != parent)
            if orphaned or not self._is_at_home():
                self.ending.set()
                return

    async def _answer_tool(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.closing(writer):
            try:
                run_id, cwd, words, stdin = toolclient.read_request(await reader.read())
            except ValueError:
                return
            run = self.runs.get(run_id)
            if run is None:
                gone = f"ERROR {words[0]} is not called from a hook that runs\n"
                writer.write(toolclient.write_answer(1, "", gone))
                return
            answer = run.tool(words, stdin, cwd)
            if answer is not None:
                writer.write(toolclient.write_answer(answer.code, answer.out, answer.err))
                with contextlib.suppress(ConnectionError):
                    await writer.drain()

    async def _answer_verb(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        def progress(text: str) -> None:
            writer.write(json.dumps({"progress": text}).encode() + b"\n")

        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            line = await reader.readline()
            if not line:
                # Somebody only looked whether we are here.
                return
            request = Request.from_json(line, progress)
            if self.ending.is_set():
                writer.write(Reply(code=ENDING).to_json())
                return
            try:
                reply = (await operations.run(self, request)).to_json()
            except JujuError as error:
                reply = Reply(error=error.message, code=error.code).to_json()
            except OSError as error:
                # The machine's fault, not ours: a full disk, files that may not be read.
                what = f"{error.filename}: " if error.filename else ""
                reply = Reply(error=f"{what}{error.strerror or error}", code=1).to_json()
            except Exception:  # noqa: BLE001 (a bug of ours must reach the user, not end us)
                reply = Reply(
                    error=f"localjuju failed: {traceback.format_exc()}", code=70
                ).to_json()
            writer.write(reply)
            await writer.drain()


async def _listen(
    path: str,
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> asyncio.AbstractServer:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    home.at_socket(path, listener.bind)
    return await asyncio.start_unix_server(answer, sock=listener, limit=1 << 26)


def main() -> None:
    """Run a controller: ``python -m localjuju.controller NAME [--ends-by-itself]``."""
    name = sys.argv[1]
    folder = home.controller_folder(name)
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def run() -> None:
        await Controller(name, folder, ends_by_itself="--ends-by-itself" in sys.argv).serve()

    asyncio.run(run())


if __name__ == "__main__":
    main()
