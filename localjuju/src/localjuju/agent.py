"""One unit's life: it takes the next due hook, runs the charm, and applies or drops its writes."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from . import charmfiles, forks, lifecycle, processes
from .hooktools import Answer, Folders, HookContext, environment
from .hooktools import run as run_tool
from .model import Hook, JujuError, Model, Status, Task, Unit, hooks

if TYPE_CHECKING:
    import datetime

    from .controller import Controller

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

MOST_OUTPUT = 32 * 1024**2
"""How many bytes of what a charm prints are kept, so that one charm cannot fill the controller."""

SEAT_SECONDS = 10.0
"""After how long a run gives its seat to another: it waits for something rather than computes."""


class Run:
    """One process of a charm while it runs."""

    def __init__(self, context: HookContext, kill_at: int | None) -> None:
        self.context = context
        self.id = f"{context.unit.name}-{_name(context)}-{secrets.token_hex(16)}"
        self.process: forks.Process | None = None
        self._calls = 0
        self._kill_at = kill_at

    def tool(self, words: list[str], stdin: str, cwd: str) -> Answer | None:
        """Answer a call of a hook tool; None if the charm was killed instead."""
        self._calls += 1
        if self._calls == self._kill_at:
            self.kill()
            return None

        def read_file(name: str) -> str:
            path = Path(cwd, name)
            if path.exists() and not path.is_file():
                # A pipe or a device might never end, and all units would wait for it.
                raise JujuError(f"cannot read {name}: not a regular file")
            try:
                return path.read_text(encoding="utf-8", errors="surrogateescape")
            except OSError as error:
                raise JujuError(f"cannot read {name}: {error.strerror}") from error

        return run_tool(self.context, words, stdin=stdin, read_file=read_file)

    def kill(self) -> None:
        """End the charm's process and those of its group, at once."""
        if self.process is not None and self.process.returncode is None:
            processes.end_group(self.process.pid)


class Agent:
    """Runs one unit, until it is gone."""

    def __init__(self, controller: Controller, model: Model, unit: Unit) -> None:
        self._controller = controller
        self.model = model
        self.unit = unit
        self.folder = controller.folder.model(model.uuid) / "units" / unit.tag
        self.mark = f"{controller.uuid}/{model.uuid}/{unit.tag}"
        self.kill_at: int | None = None
        """At which tool call of its next hook the unit is killed, if that was asked for."""
        self.kill_in = ""
        """Only in the hook of this name."""
        self.run: Run | None = None
        self._wake = asyncio.Event()
        self._files_of = -1
        self._copying: asyncio.Future[None] | None = None
        self._task = asyncio.get_running_loop().create_task(self._live())
        self._task.add_done_callback(self._ended)

    def wake(self) -> None:
        """Have it look again: something in the model changed."""
        self._wake.set()

    async def cancel(self) -> None:
        """Stop it in whatever it does, with all its processes, and delete its folder."""
        self._task.cancel()
        # Without its exception: a mistake of ours that ended the agent must not keep the unit.
        await asyncio.wait([self._task])
        if self._copying is not None:
            # A thread cannot be cancelled, and must not write into a folder that is being deleted.
            await asyncio.wait([self._copying])
        await self.end_processes()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def end_processes(self) -> None:
        """End every process that was started from this unit."""
        if self.run is not None:
            self.run.kill()
        await asyncio.to_thread(processes.end_marked, self.mark)

    async def _live(self) -> None:
        while True:
            self._wake.clear()
            now = self._controller.now()
            if self.unit.paused:
                await self._wake.wait()
            elif self.unit.tasks and (self.unit.installed or self.unit.failure):
                await self._run_task(self.unit.tasks.pop(0))
            elif self.unit.resolve == "skip":
                hooks.skip(self.model, self.unit, now)
            elif hooks.is_gone(self.unit):
                break
            elif hook := hooks.next_hook(self.model, self.unit, now):
                await self._run_hook(hook)
            else:
                self._rest(now)
                await self._sleep_until(hooks.next_moment(self.model, self.unit), now)
        self._controller.unit_is_gone(self)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Say in the log what ended the agent, if it was a mistake of ours."""
        if not task.cancelled() and (error := task.exception()) is not None:
            text = "".join(traceback.format_exception(error))
            self._note("ERROR", f"localjuju failed, and this unit runs no more: {text}")

    def _rest(self, now: datetime.datetime) -> None:
        if self.unit.agent.current != "idle" and self.unit.failure is None:
            self.unit.agent = Status("idle", "", now)

    async def _sleep_until(self, moment: datetime.datetime | None, now: datetime.datetime) -> None:
        # Not asyncio.wait_for: before Python 3.12 it may swallow a cancellation.
        alarm = None
        if moment is not None:
            seconds = max((moment - now).total_seconds(), 0.001)
            alarm = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _run_hook(self, hook: Hook) -> None:
        unit, model = self.unit, self.model
        hooks.begin(model, unit, hook, self._controller.now())
        context = HookContext(model, unit, self._controller.now, hook=hook)
        why = await self._charm(context, hook.name)
        lifecycle.hook_ended(context, hook, why, self._controller.now())
        self._controller.model_changed()

    async def _run_task(self, task: Task) -> None:
        now = self._controller.now()
        lifecycle.task_began(task, now)
        self.unit.agent = Status("executing", f"running action {task.action}", now)
        context = HookContext(self.model, self.unit, self._controller.now, task=task)
        why = await self._charm(context, task.action)
        lifecycle.task_ended(context, task, why, self._controller.now())
        self._controller.model_changed()

    async def _charm(self, context: HookContext, name: str) -> str | None:
        """Run the charm; return why it failed, or None."""
        try:
            argv = await self._command(context)
            return None if argv is None else await self._run(context, name, argv)
        except OSError as error:
            # A full disk, a folder that somebody took away: the hook has failed, not the unit's
            # agent, which tries again.
            return f"{error.filename or self.folder}: {error.strerror or error}"

    async def _run(self, context: HookContext, name: str, argv: list[str]) -> str | None:
        """Run a command as the charm; return why it failed, or None."""
        killing = self.kill_at is not None and self.kill_in in {"", name}
        self.run = Run(context, self.kill_at if killing else None)
        if killing:
            self.kill_at = None
        self._controller.runs[self.run.id] = self.run
        try:
            async with self._controller.seat(SEAT_SECONDS):
                code = await self._process(self.run, argv)
        finally:
            del self._controller.runs[self.run.id]
            self.run = None
        if code >= 0:
            return f"exit status {code}" if code else None
        return f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"

    async def _command(self, context: HookContext) -> list[str] | None:
        """What to run; None when the charm has nothing for this hook."""
        self.folder.mkdir(parents=True, exist_ok=True)
        charm = self.folder / "charm"
        if context.task is not None and context.task.command:
            return ["/bin/sh", "-c", context.task.command]
        if self._files_of != self.unit.charm_told:
            source = self._controller.charm_folder(self.model, self.unit)
            copy = asyncio.to_thread(charmfiles.install_files, source, self.folder)
            self._copying = asyncio.ensure_future(copy)
            await asyncio.shield(self._copying)
            self._files_of = self.unit.charm_told
        if (charm / "dispatch").exists():
            return [str(charm / "dispatch")]
        if (charm / "src" / "charm.py").exists():
            # A charm's folder that was not packed: the interpreter of the workspace runs it.
            return [sys.executable, "src/charm.py"]
        kind = "actions" if context.task else "hooks"
        legacy = charm / kind / _name(context)
        return [str(legacy)] if legacy.exists() else None

    async def _process(self, run: Run, argv: list[str]) -> int:
        out, err = self.folder / "stdout", self.folder / "stderr"
        # Files and not pipes: what the charm leaves running would keep a pipe open for ever.
        with out.open("w+b") as stdout, err.open("w+b") as stderr:
            try:
                run.process = await self._started(run, argv, stdout, stderr)
            except OSError as error:
                self._note("ERROR", f"cannot run {argv[0]}: {error.strerror}")
                return 127
            try:
                code = await run.process.wait()
            finally:
                run.kill()
            self._keep_output(run, code, _read(stdout), _read(stderr))
        # What was left running may hold these files open; they go with the last of it.
        out.unlink(missing_ok=True)
        err.unlink(missing_ok=True)
        return code

    async def _started(
        self, run: Run, argv: list[str], stdout: BinaryIO, stderr: BinaryIO
    ) -> forks.Process:
        charm = self.folder / "charm"
        cwd = charm if charm.exists() else self.folder
        env = self._environment(run, argv)
        if argv[0] == sys.executable:
            return await self._controller.forks.start(
                argv[1:], cwd=cwd, env=env, stdout=stdout, stderr=stderr
            )
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )

    def _environment(self, run: Run, argv: list[str]) -> dict[str, str]:
        folders = Folders(
            charm=str(self.folder / "charm"),
            tools=str(self._controller.folder.tools),
            socket=self._controller.folder.tools_socket,
        )
        variables = environment(run.context, run.id, folders)
        variables["PATH"] = f"{folders.tools}:{SYSTEM_PATH}"
        variables[processes.MARK] = self.mark
        if argv[0] == sys.executable:
            # What the `dispatch` that charmcraft writes sets.
            variables["PYTHONPATH"] = (
                f"{folders.charm}/lib:{folders.charm}/venv:{folders.charm}/src"
            )
        return variables

    def _keep_output(self, run: Run, code: int, out: str, err: str) -> None:
        task = run.context.task
        if task is not None:
            task.stdout, task.stderr, task.return_code = out, err, code
            return
        name = run.context.hook.name if run.context.hook else ""
        for level, text in (("DEBUG", out), ("WARNING", err)):
            for line in text.splitlines():
                self.model.note(
                    self._controller.now(),
                    self.unit.tag,
                    level,
                    f"unit.{self.unit.name}.{name}",
                    line,
                )

    def _note(self, level: str, message: str) -> None:
        now = self._controller.now()
        self.model.note(now, self.unit.tag, level, "juju.worker.uniter.operation", message)


def _name(context: HookContext) -> str:
    if context.hook is not None:
        return context.hook.name
    return context.task.action if context.task else ""


def _read(file: BinaryIO) -> str:
    file.seek(0)
    text = file.read(MOST_OUTPUT).decode(errors="replace")
    return f"{text}\n(cut by localjuju)\n" if file.read(1) else text


def shell_command(words: list[str]) -> str:
    """Return the words of ``juju exec`` for a shell: one is a script, several a command."""
    return words[0] if len(words) == 1 else shlex.join(words)
