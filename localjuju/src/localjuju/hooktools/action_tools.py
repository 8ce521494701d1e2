"""``action-*``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from localjuju.flags import UsageError
from localjuju.model import JujuError, Task

from .registry import FORMAT, NOTHING, Call, tool

KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
RESERVED = {"stdout", "stdout-encoding", "stderr", "stderr-encoding", "return-code"}


def _task(call: Call) -> Task:
    task = call.context.task
    if task is None or task.command:
        raise JujuError("not running an action")
    return task


@tool("action-get", FORMAT)
def action_get(call: Call) -> Any:
    """The action's parameters."""
    call.only(1)
    value: Any = dict(sorted(_task(call).parameters.items()))
    for step in call.args[0].split(".") if call.args else ():
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, Any]", value).get(step)
    return value


@tool("action-set")
def action_set(call: Call) -> object:
    """Set results."""
    task = _task(call)
    new: list[tuple[list[str], str]] = []
    for word in call.args:
        path, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f'argument "{word}" must be of the form key...=value')
        steps = path.split(".")
        for step in steps:
            if not KEY.fullmatch(step):
                raise UsageError(
                    f'key "{step}" must start and end with lowercase alphanumeric, '
                    "and contain only lowercase alphanumeric and hyphens"
                )
        if steps[0] in RESERVED:
            raise UsageError(f'cannot set reserved action key "{steps[0]}"')
        new.append((steps, value))
    for steps, value in new:
        into = task.results
        for step in steps[:-1]:
            inner = into.get(step)
            into = into.setdefault(step, {}) if isinstance(inner, dict) else into
            if not isinstance(inner, dict):
                into[step] = {}
                into = into[step]
        into[steps[-1]] = value
    return NOTHING


@tool("action-log")
def action_log(call: Call) -> object:
    """Tell whoever waits for the action; seen at once."""
    task = _task(call)
    if not call.args:
        raise UsageError("no message specified")
    task.log.append((call.context.clock(), " ".join(call.args)))
    return NOTHING


@tool("action-fail")
def action_fail(call: Call) -> object:
    """Mark the action as failed."""
    task = _task(call)
    call.only(1)
    task.failed = True
    reason = call.args[0] if call.args else ""
    task.message = reason or "action failed without reason given, check action for errors"
    return NOTHING
