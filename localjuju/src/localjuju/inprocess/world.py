"""A controller in this process: models, their units' hooks, and a clock that a test moves."""

from __future__ import annotations

import dataclasses
import random
import shutil
import traceback
from typing import TYPE_CHECKING, Any

import ops

from localjuju import charmfiles, lifecycle
from localjuju.hooktools import Folders, HookContext, environment
from localjuju.model import Charm, Hook, Model, Task, Unit, hooks

from . import pictures, snapshots
from .local_model import LocalModel
from .pictures import Canon
from .process import Killed, Tools, as_a_process, fresh
from .snapshots import Snapshot

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from . import trees


AFTER_ALL = 0
"""For ``World.crash_at``: the hook runs to its end and what it wrote is dropped, as when Juju
cannot commit it."""


class HookFailedError(Exception):
    """A hook failed where the test did not expect it; the charm's own exception is the cause."""


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


@dataclasses.dataclass
class _Addresses:
    """Addresses for units, without end."""

    given: int = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.given += 1
        return f"127.99.{(self.given - 1) // 250}.{(self.given - 1) % 250 + 2}"


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
        """By unit, at which hook tool its next hook is killed, from 1 on; or ``AFTER_ALL``."""
        self.crash_in: dict[str, str] = {}
        """By unit, the only hook that ``crash_at`` is about; others run through."""
        self._on_move = on_move
        self._addresses = _Addresses()
        self._code: dict[tuple[str, str, int], _Code] = {}
        self._copies = 0
        self._seen: dict[str, trees.Tree] = {}
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

    # States.

    def snapshot(self) -> Snapshot:
        """Return the whole state, for ``restore``: models, clock, units' folders, random numbers.

        What else a charm changed (modules' variables, processes that it left) is not in it.
        """
        self._seen = snapshots.folders(self, self._seen)
        return Snapshot(
            world=self,
            now=self.now,
            models=snapshots.freeze(self.models.values()),
            folders=self._seen,
            drawn=self.rng.getstate(),
            addresses=self._addresses.given,
            ran=tuple(self.ran),
            crash_at=dict(self.crash_at),
            crash_in=dict(self.crash_in),
            code=dict(self._code),
            copies=self._copies,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back (or on) to a state of this world, as often as wanted.

        Each ``LocalModel`` stays; units, relations and so on that were looked up before are of
        the state that was left, and have to be looked up again.

        Raises:
            ValueError: If the snapshot is of another world.
        """
        if snapshot.world is not self:
            raise ValueError("this snapshot is of another world")
        self.models.clear()
        self.models.update({model.uuid: model for model in snapshots.thaw(snapshot.models)})
        snapshots.write_folders(self, snapshot.folders)
        self._seen = snapshot.folders
        self.rng.setstate(snapshot.drawn)
        self._addresses.given = snapshot.addresses
        self.ran[:] = snapshot.ran
        self.crash_at, self.crash_in = dict(snapshot.crash_at), dict(snapshot.crash_in)
        self._code, self._copies = dict(snapshot.code), snapshot.copies
        self.move_to(snapshot.now)

    def picture(self, canon: Canon | None = None) -> dict[str, Any]:
        """Return the state as plain data, in which states that mean the same are equal.

        Args:
            canon: What may differ; see there.
        """
        return pictures.picture(self, canon or Canon())

    def fingerprint(self, canon: Canon | None = None) -> str:
        """Return a digest of ``picture``."""
        return pictures.fingerprint(self.picture(canon))

    # Running.

    def due(self) -> list[tuple[Model, Unit]]:
        """Return the units that have something to run now."""
        return list(self._due())

    def _due(self) -> Iterator[tuple[Model, Unit]]:
        for model in self.models.values():
            for unit in model.units():
                if not unit.paused and (
                    unit.tasks
                    or unit.resolve == "skip"
                    or hooks.is_gone(unit)
                    or hooks.next_hook(model, unit, self.now) is not None
                ):
                    yield model, unit

    def step(
        self, choose: Callable[[Sequence[tuple[Model, Unit]]], tuple[Model, Unit]] | None = None
    ) -> Ran | None:
        """Have one unit run one thing; return it, or None if nothing is due.

        Args:
            choose: Which of the units that are due; the first if it is not given.
        """
        while pair := self._chosen(choose) if choose else next(self._due(), None):
            if ran := self._next_of(*pair):
                return ran
        return None

    def _chosen(
        self, choose: Callable[[Sequence[tuple[Model, Unit]]], tuple[Model, Unit]]
    ) -> tuple[Model, Unit] | None:
        due = self.due()
        return choose(due) if due else None

    def _next_of(self, model: Model, unit: Unit) -> Ran | None:
        """Have a unit do what it is due, which may be to go, or to be done with a failure."""
        if unit.tasks:
            return self._run_task(model, unit, unit.tasks.pop(0))
        if unit.resolve == "skip":
            hooks.skip(model, unit, self.now)
        elif hooks.is_gone(unit):
            model.forget_unit(unit)
            shutil.rmtree(self.unit_folder(model, unit), ignore_errors=True)
        elif hook := hooks.next_hook(model, unit, self.now):
            return self._run_hook(model, unit, hook)
        return None

    def step_of(self, model: LocalModel, name: str) -> Ran | None:
        """Have a unit, and no other, run one thing; return it, or None if nothing is due."""
        unit = model.state.unit(name)
        while pair := next((pair for pair in self.due() if pair[1] is unit), None):
            if ran := self._next_of(*pair):
                return ran
        return None

    def crash(self, unit: str, at: int, hook: str = "") -> None:
        """Have a unit killed at a hook tool of its next hook, or of the next one of a name.

        Args:
            unit: Its name.
            at: At which call of a hook tool, counted from 1; the call is not answered. A hook
                with fewer calls is not killed, and the crash is spent.
            hook: Such as ``config-changed``; whichever comes next if it is not given.
        """
        self.crash_at[unit] = at
        self.crash_in.pop(unit, None)
        if hook:
            self.crash_in[unit] = hook

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
            crashed = isinstance(done.error, Killed)
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
        charm_dir = self.unit_folder(model, unit) / "charm"
        if name in {"install", "upgrade-charm"} or not charm_dir.exists():
            charmfiles.install_files(code.files, charm_dir.parent)
        crash_at = self._crash(unit, name)
        tools = Tools(context, crash_at)
        variables = environment(context, f"{unit.name}-{name}", Folders(str(charm_dir), "", ""))
        error: BaseException | None = None
        try:
            with as_a_process(charm_dir, variables, tools.run):
                ops.main(fresh(code.charm_class))
        except SystemExit as ended:
            error = ended if ended.code else None
        except (Exception, Killed) as raised:  # noqa: BLE001 (any of them ends its hook)
            error = raised
        if error is None and crash_at == AFTER_ALL:
            error = Killed()
        ran = Ran(model.name, unit.name, name, error, tools.calls)
        self.ran.append(ran)
        return ran

    def _crash(self, unit: Unit, name: str) -> int | None:
        if self.crash_in.get(unit.name, name) != name:
            return None
        self.crash_in.pop(unit.name, None)
        return self.crash_at.pop(unit.name, None)

    def unit_folder(self, model: Model, unit: Unit) -> Path:
        """Return where a unit's things are; the charm's folder is ``charm`` in it."""
        return self.folder / model.uuid / unit.tag

    def take_code(
        self, model: Model, charm_class: type[ops.CharmBase], root: Path
    ) -> tuple[Charm, int, Callable[[str], None]]:
        """Read a charm's metadata; return it, its revision, and what notes its code for an app."""
        files = self.folder / "charms" / str(self._copies)
        self._copies += 1
        files.mkdir(parents=True, exist_ok=True)
        for name in ("charmcraft", "metadata", "config", "actions"):
            if (root / f"{name}.yaml").exists():
                shutil.copy(root / f"{name}.yaml", files)
        charmfiles.write_what_packing_writes(files)
        charm = charmfiles.read_charm(files, str(root))
        revision = model.next_charm_revision(charm.name)

        def note(app: str) -> None:
            self._code[model.uuid, app, revision] = _Code(charm_class, files)

        return charm, revision, note


def _why(error: BaseException | None) -> str | None:
    if error is None:
        return None
    return "signal: killed" if isinstance(error, Killed) else f"exit status 1 ({error!r})"
