"""How a run of the charm ends: what it wrote is made or dropped, and what follows.

Shared by both ways to run a hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .hooktools import CommitError, HookContext
from .model import Hook, Task, hooks

if TYPE_CHECKING:
    import datetime


def hook_ended(
    context: HookContext, hook: Hook, why_failed: str | None, now: datetime.datetime
) -> str | None:
    """Put on record that a hook ended; return why it failed, or None.

    Args:
        context: Of this run.
        hook: What was run.
        why_failed: What the charm's process says; None if it ended well.
        now: When it ended.
    """
    model, unit = context.model, context.unit
    if why_failed is None:
        try:
            context.commit()
        except CommitError as error:
            why_failed = f"committing requested changes failed: {error}"
    via = f'"{hook.name}" hook (via hook dispatching script: dispatch)'
    if why_failed is None:
        hooks.done(model, unit, hook, now)
        level, message = "INFO", f"ran {via}"
    else:
        hooks.failed(model, unit, hook, now)
        level = "ERROR"
        message = (
            f'hook "{hook.name}" (via hook dispatching script: dispatch) failed: {why_failed}'
        )
    model.note(now, unit.tag, level, "juju.worker.uniter.operation", message)
    return why_failed


def task_began(task: Task, now: datetime.datetime) -> None:
    """Put on record that an action, or a command, begins."""
    task.started, task.status = now, "running"


def task_ended(
    context: HookContext, task: Task, why_failed: str | None, now: datetime.datetime
) -> None:
    """Put on record that an action, or a command, ended.

    What it wrote is made also when it called ``action-fail``, as in Juju; not when it crashed.
    """
    task.completed = now
    task.status = "failed" if task.failed else "completed"
    # A command of `juju exec` has an exit status of its own, and is completed with any.
    if why_failed is not None and not task.command:
        task.status, task.message = "failed", why_failed
        return
    try:
        context.commit()
    except CommitError as error:
        task.status, task.message = "failed", "committing requested changes failed"
        task.stderr += str(error)
