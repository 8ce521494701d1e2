"""Hooks inside the caller's process: the same rules, thousands of hooks in seconds.

For tests that want many units, a clock that they move, and a crash at any hook tool. The charm's
class is run by ``ops.main``; the one place where ops starts a hook tool is led to ``hooktools``::

    world = World(tmp_path, start=datetime(2026, 1, 1, tzinfo=timezone.utc))
    model = world.add_model("m")
    model.deploy(MyCharm, Path("charms/my-charm"), units=3)
    model.deploy(OtherCharm, Path("charms/other"))
    model.integrate("my-charm", "other")
    world.settle()
    world.advance(timedelta(days=30))

What a charm does to the process stays in the hook: environment, folder, logging and exception
hooks are put back. One world at a time may run a hook.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import os
import random
import shutil
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import ops
import ops.hookcmds._utils

from . import charmfiles, lifecycle
from .hooktools import Answer, Folders, HookContext, environment
from .hooktools import run as run_tool
from .model import Charm, Hook, JujuError, Model, Task, Unit, hooks

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Generator, Mapping, Sequence

    from .model.applications import Application


class HookFailedError(Exception):
    """A hook failed where the test did not expect it; the charm's own exception is the cause."""


class _Killed(BaseException):
    """The charm was killed at a hook tool. No ``except Exception`` of a charm may catch it."""


@dataclasses.dataclass(frozen=True)
class Ran:
    """A hook or an action that was run."""

    model: str
    unit: str
    name: str
    """``config-changed``, or an action's name."""
    error: BaseException | None = None
    tools: int = 0
    """How many hook tools it called."""


@dataclasses.dataclass
class _Code:
    """What an application runs."""

    charm_class: type[ops.CharmBase]
    files: Path
    """A folder with metadata.yaml and what else a packed charm has at its top."""


class World:
    """A controller in this process: models, and a clock that the test moves.

    Args:
        folder: For the units' folders; best on a file system in memory.
        start: The first moment, aware.
        on_move: Called with each new moment: to move the charm's own clock along, such as
            ``time_machine``'s ``Coordinates.move_to``.
        seed: Of ids, and of what the test draws from ``rng``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        start: datetime.datetime,
        on_move: Callable[[datetime.datetime], object] = lambda _: None,
        seed: int = 0,
    ) -> None:
        self.folder = folder
        self.now = start
        self.rng = random.Random(seed)  # noqa: S311 (the same each time, on purpose)
        self.models: dict[str, Model] = {}
        self.ran: list[Ran] = []
        """Everything that was run, in order."""
        self.crash_at: dict[str, int] = {}
        """By unit, at which hook tool its next hook is killed, counted from 1."""
        self._on_move = on_move
        self._addresses = (f"127.99.{i // 250}.{i % 250 + 2}" for i in itertools.count())
        self._code: dict[tuple[str, str, int], _Code] = {}
        self._copies = itertools.count()
        on_move(start)

    def add_model(self, name: str) -> LocalModel:
        """Add a model."""
        uuid = f"{self.rng.getrandbits(128):032x}"
        uuid = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
        state = Model(
            name,
            uuid,
            self.now,
            rng=self.rng,
            addresses=self._addresses,
            models=self.models,
        )
        return LocalModel(self, state)

    # Time.

    def next_moment(self) -> datetime.datetime | None:
        """Return when something is due although nobody does anything, or None."""
        moments = [
            moment
            for model in self.models.values()
            for unit in model.units()
            if not unit.paused and (moment := hooks.next_moment(model, unit))
        ]
        return min(moments, default=None)

    def move_to(self, moment: datetime.datetime) -> None:
        """Set the clock (also back, as clocks do), and run nothing."""
        self.now = moment
        self._on_move(moment)

    def advance(self, by: datetime.timedelta) -> list[Ran]:
        """Let time pass, and run everything that falls due, each at its moment."""
        goal, ran = self.now + by, list[Ran]()
        while (due := self.next_moment()) is not None and due <= goal:
            self.move_to(max(due, self.now))
            ran += self.settle()
        self.move_to(goal)
        return ran + self.settle()

    # Running.

    def due(self) -> list[tuple[Model, Unit]]:
        """Return the units that have something to run now."""
        return [
            (model, unit)
            for model in self.models.values()
            for unit in model.units()
            if not unit.paused
            and (
                unit.tasks
                or unit.resolve == "skip"
                or hooks.is_gone(unit)
                or hooks.next_hook(model, unit, self.now) is not None
            )
        ]

    def step(
        self, choose: Callable[[Sequence[tuple[Model, Unit]]], tuple[Model, Unit]] | None = None
    ) -> Ran | None:
        """Have one unit run one thing; return it, or None if nothing is due.

        Args:
            choose: Which of the units that are due; the first if it is not given.
        """
        while due := self.due():
            model, unit = choose(due) if choose else due[0]
            if unit.tasks:
                return self._run_task(model, unit, unit.tasks.pop(0))
            if unit.resolve == "skip":
                hooks.skip(model, unit, self.now)
            elif hooks.is_gone(unit):
                model.forget_unit(unit)
                shutil.rmtree(self._unit_folder(model, unit), ignore_errors=True)
            elif hook := hooks.next_hook(model, unit, self.now):
                return self._run_hook(model, unit, hook)
        return None

    def settle(
        self,
        *,
        choose: Callable[[Sequence[tuple[Model, Unit]]], tuple[Model, Unit]] | None = None,
        at_most: int = 10_000,
        allow_failures: bool = False,
    ) -> list[Ran]:
        """Run until nothing is due; return what was run.

        Raises:
            HookFailedError: If a hook fails, but by ``crash_at``, and failures are not allowed.
            RuntimeError: If it does not come to rest.
        """
        ran: list[Ran] = []
        while done := self.step(choose):
            ran.append(done)
            crashed = isinstance(done.error, _Killed)
            if done.error is not None and not crashed and not allow_failures:
                raise HookFailedError(f"{done.name} of {done.unit} failed") from done.error
            if len(ran) > at_most:
                last = ", ".join(f"{r.unit} {r.name}" for r in ran[-10:])
                raise RuntimeError(f"still not at rest after {at_most} hooks; the last: {last}")
        return ran

    def _run_hook(self, model: Model, unit: Unit, hook: Hook) -> Ran:
        hooks.begin(model, unit, hook, self.now)
        context = HookContext(model, unit, lambda: self.now, hook=hook)
        ran = self._charm(context, hook.name)
        lifecycle.hook_ended(context, hook, _why(ran.error), self.now)
        return ran

    def _run_task(self, model: Model, unit: Unit, task: Task) -> Ran:
        lifecycle.task_began(task, self.now)
        context = HookContext(model, unit, lambda: self.now, task=task)
        ran = self._charm(context, task.action)
        if ran.error is not None:
            task.return_code = 1
            task.stderr = "".join(traceback.format_exception(ran.error))
        lifecycle.task_ended(context, task, _why(ran.error), self.now)
        return ran

    def _charm(self, context: HookContext, name: str) -> Ran:
        model, unit = context.model, context.unit
        code = self._code[model.uuid, unit.app, unit.charm_told]
        charm_dir = self._unit_folder(model, unit) / "charm"
        if name in {"install", "upgrade-charm"} or not charm_dir.exists():
            charmfiles.install_files(code.files, charm_dir.parent)
        tools = _Tools(context, self.crash_at.pop(unit.name, None))
        variables = environment(context, f"{unit.name}-{name}", Folders(str(charm_dir), "", ""))
        error: BaseException | None = None
        try:
            with _as_a_process(charm_dir, variables, tools.run):
                ops.main(_fresh(code.charm_class))
        except SystemExit as ended:
            error = ended if ended.code else None
        except (Exception, _Killed) as raised:  # noqa: BLE001 (any of them ends its hook)
            error = raised
        ran = Ran(model.name, unit.name, name, error, tools.calls)
        self.ran.append(ran)
        return ran

    def _unit_folder(self, model: Model, unit: Unit) -> Path:
        return self.folder / model.uuid / unit.tag

    def take_code(
        self, model: Model, charm_class: type[ops.CharmBase], root: Path
    ) -> tuple[Charm, int, Callable[[str], None]]:
        """Read a charm's metadata; return it, its revision, and what notes its code for an app."""
        files = self.folder / "charms" / str(next(self._copies))
        files.mkdir(parents=True)
        for name in ("charmcraft", "metadata", "config", "actions"):
            if (root / f"{name}.yaml").exists():
                shutil.copy(root / f"{name}.yaml", files)
        charmfiles.write_what_packing_writes(files)
        charm = charmfiles.read_charm(files, str(root))
        revision = model.next_charm_revision(charm.name)

        def note(app: str) -> None:
            self._code[model.uuid, app, revision] = _Code(charm_class, files)

        return charm, revision, note


class LocalModel:
    """One model of a world: what an operator does to it.

    ``state`` is the model itself, for looking at and for what has no method here.
    """

    def __init__(self, world: World, state: Model) -> None:
        self.world = world
        self.state = state

    def deploy(
        self,
        charm_class: type[ops.CharmBase],
        root: Path,
        name: str | None = None,
        *,
        units: int = 1,
        config: Mapping[str, Any] | None = None,
    ) -> Application:
        """Deploy a charm.

        Args:
            charm_class: Its code.
            root: The folder with its charmcraft.yaml (or metadata.yaml).
            name: The application's; the charm's own if it is not given.
            units: How many.
            config: Options, as values or as text.
        """
        charm, revision, note = self.world.take_code(self.state, charm_class, root)
        note(name or charm.name)
        return self.state.deploy(
            charm,
            name or charm.name,
            self.world.now,
            revision=revision,
            units=units,
            config=_as_text(config or {}),
        )

    def refresh(self, app: str, charm_class: type[ops.CharmBase], root: Path) -> None:
        """Give an application other code; its units keep their state."""
        charm, revision, note = self.world.take_code(self.state, charm_class, root)
        self.state.refresh(app, charm, revision)
        note(app)

    def integrate(self, one: str, two: str) -> None:
        """Relate two applications."""
        self.state.integrate(one, two)

    def remove_relation(self, one: str, two: str) -> None:
        """Begin to remove a relation."""
        self.state.remove_relation(one, two)

    def add_units(self, app: str, count: int = 1) -> list[str]:
        """Add units; return their names."""
        return [unit.name for unit in self.state.add_units(app, count, self.world.now)]

    def remove_unit(self, name: str) -> None:
        """Begin to remove a unit."""
        self.state.remove_unit(self.state.unit(name))

    def remove_application(self, name: str) -> None:
        """Begin to remove an application."""
        self.state.remove_application(name)

    def config(self, app: str, **values: Any) -> None:
        """Set options; underscores in their names stand for hyphens."""
        self.state.set_config(app, _as_text({k.replace("_", "-"): v for k, v in values.items()}))

    def lead(self, name: str) -> None:
        """Make a unit the leader."""
        unit = self.state.unit(name)
        if self.state.applications[unit.app].leader != unit.number:
            hooks.move_leadership(self.state.applications[unit.app], unit)

    def run(self, unit: str, action: str, **parameters: Any) -> Task:
        """Run an action now, with what else is due before it; return how it ended."""
        given = {key.replace("_", "-"): value for key, value in parameters.items()}
        found = self.state.unit(unit)
        task = self.state.enqueue(found, self.state.next_task_id(), action, given, self.world.now)
        while not task.is_over:
            if self.world.step(lambda due: _this_one(due, found)) is None:
                raise RuntimeError(f"{unit} does not run: it is paused")
        return task

    def unit_status(self, name: str) -> tuple[str, str]:
        """Return a unit's workload status and its message."""
        status = self.state.unit(name).workload
        return status.current, status.message

    def databag(self, unit_or_app: str, endpoint: str) -> Mapping[str, str]:
        """Return what a unit, or an application, wrote in its first relation at an endpoint."""
        app, slash, number = unit_or_app.partition("/")
        for relation in self.state.relations_of(app):
            side = relation.side_of(self.state.uuid, app)
            if side.endpoint.name == endpoint:
                return side.units[int(number)].settings if slash else side.settings.settings
        raise JujuError(f"{app} has no relation at {endpoint}")


class _Tools:
    """The hook tools of one run, as ops calls them."""

    def __init__(self, context: HookContext, crash_at: int | None) -> None:
        self._context = context
        self._crash_at = crash_at
        self.calls = 0

    def run(self, args: Sequence[str], **options: Any) -> SimpleNamespace:
        """Stand in for ``subprocess.run`` as ``ops.hookcmds`` calls it."""
        self.calls += 1
        if self.calls == self._crash_at:
            raise _Killed
        answer: Answer = run_tool(
            self._context,
            [str(word) for word in args],
            stdin=options.get("input") or "",
            read_file=lambda name: Path(name).read_text(encoding="utf-8"),
        )
        if answer.code:
            raise subprocess.CalledProcessError(answer.code, list(args), answer.out, answer.err)
        return SimpleNamespace(returncode=0, stdout=answer.out, stderr=answer.err)


@contextlib.contextmanager
def _as_a_process(
    folder: Path, variables: Mapping[str, str], run: Callable[..., Any]
) -> Generator[None]:
    """Make this process look like one that Juju started, and put everything back."""
    root = logging.getLogger()
    handlers, level, excepthook, argv = root.handlers[:], root.level, sys.excepthook, sys.argv
    showwarning = warnings.showwarning
    folder_before = Path.cwd()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JUJU_")}
    kept.pop("OPERATOR_DISPATCH", None)
    # The one place where ops starts a process for a hook tool.
    led = SimpleNamespace(run=run, CalledProcessError=subprocess.CalledProcessError)
    try:
        sys.argv = [str(folder / "src" / "charm.py")]
        os.chdir(folder)
        with (
            mock.patch.dict(os.environ, {**kept, **variables}, clear=True),
            mock.patch.object(ops.hookcmds._utils, "subprocess", led),  # noqa: SLF001 (see above)
            _without_tracing(),
        ):
            yield
    finally:
        os.chdir(folder_before)
        root.handlers[:], sys.excepthook, sys.argv = handlers, excepthook, argv
        warnings.showwarning = showwarning
        root.setLevel(level)


def _without_tracing() -> contextlib.AbstractContextManager[Any]:
    """Keep ops from setting up a trace provider: that is of the whole process, and done once.

    A charm's own `ops.tracing.Tracing` is left to it.
    """
    if not ops.tracing:
        return contextlib.nullcontext()
    return mock.patch.multiple(ops.tracing, _setup=mock.DEFAULT, _shutdown=mock.DEFAULT)


def _fresh(charm_class: type[ops.CharmBase]) -> type[ops.CharmBase]:
    """Return the class as a new process would have it: ops defines events on it once."""
    events = type(charm_class.on.__class__.__name__, (charm_class.on.__class__,), {})()
    return type(charm_class.__name__, (charm_class,), {"on": events})


def _why(error: BaseException | None) -> str | None:
    if error is None:
        return None
    return "signal: killed" if isinstance(error, _Killed) else f"exit status 1 ({error!r})"


def _this_one(due: Sequence[tuple[Model, Unit]], unit: Unit) -> tuple[Model, Unit]:
    return next((pair for pair in due if pair[1] is unit), due[0])


def _as_text(values: Mapping[str, Any]) -> dict[str, str]:
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in values.items()}
