"""Actions, and commands inside units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from localjuju import inputs, views
from localjuju.agent import shell_command
from localjuju.model import JujuError, Model, NotFoundError, Task, Unit, parse_duration
from localjuju.output import as_yaml
from localjuju.wire import Reply, Request

from .registry import model_of, operation

if TYPE_CHECKING:
    from localjuju.controller import Controller

DEFAULT_WAIT = 60.0
"""For how many seconds ``juju run`` waits; more when the user says so."""


@operation("run")
async def run(controller: Controller, request: Request) -> Reply:
    """Run an action on units, and wait for it."""
    model, words = model_of(controller, request), request.words
    _limit(request)
    names = [word for word in words.args if _is_unit(word)]
    rest = words.args[len(names) :]
    if not names:
        raise JujuError("no unit specified", 2)
    if not rest:
        raise JujuError("no action specified", 2)
    parameters = _parameters(rest[1:], words.last("params"), request.cwd)
    operation_id = model.next_task_id()
    tasks: list[Task] = []
    for name in names:
        unit = _unit(model, name)
        if isinstance(unit, str):
            return Reply(
                notes=(f"\nOperation {operation_id} failed to schedule any tasks:\n{unit}",)
            )
        tasks.append(model.enqueue(unit, operation_id, rest[0], parameters, controller.now()))
    return await _finish(controller, request, operation_id, tasks, quiet=False)


@operation("exec")
async def exec_(controller: Controller, request: Request) -> Reply:
    """Run a command in the environment of a unit's hook, and wait for it."""
    model, words = model_of(controller, request), request.words
    _limit(request)
    units: list[Unit] = []
    for name in ",".join(words.all("unit")).split(",") if words.given("unit") else []:
        unit = _unit(model, name)
        if isinstance(unit, str):
            return Reply(
                notes=(f"Operation {model.next_task_id()} failed to schedule any tasks:\n{unit}",)
            )
        units.append(unit)
    for name in (
        ",".join(words.all("application")).split(",") if words.given("application") else []
    ):
        if name not in model.applications:
            raise NotFoundError(
                "starting exec operation: adding exec operation: getting units for applications "
                f"[{name}]: no application found"
            )
        units += model.applications[name].alive_units()
    for number in ",".join(words.all("machine")).split(",") if words.given("machine") else []:
        units += [unit for unit in model.units() if unit.machine == number]
    if words.on("all"):
        units = model.units()
    if not units:
        raise JujuError("no target specified: use --all, --machine, --application or --unit", 2)
    if not words.args:
        raise JujuError("no commands specified", 2)
    command = shell_command(words.args)
    operation_id = model.next_task_id()
    tasks = [
        model.enqueue(unit, operation_id, "juju-exec", {}, controller.now(), command=command)
        for unit in units
    ]
    return await _finish(controller, request, operation_id, tasks, quiet=True)


async def _finish(
    controller: Controller, request: Request, operation_id: str, tasks: list[Task], *, quiet: bool
) -> Reply:
    """Wait for tasks, show their logs meanwhile, and report."""
    controller.model_changed()
    words = request.words
    if words.on("background"):
        return Reply(
            notes=(
                f"Scheduled operation {operation_id} with task {tasks[0].id}",
                f"Check operation status with 'juju show-operation {operation_id}'",
                f"Check task status with 'juju show-task {tasks[0].id}'",
            )
        )
    if not quiet:
        count = f"{len(tasks)} task{'s' if len(tasks) > 1 else ''}"
        request.progress(f"Running operation {operation_id} with {count}")
        for task in tasks:
            request.progress(f"  - task {task.id} on unit-{task.unit.replace('/', '-')}")
        request.progress("")
        for task in tasks:
            request.progress(f"Waiting for task {task.id}...")
    shown: dict[str, int] = {}

    def ready() -> bool:
        for task in tasks:
            for when, text in task.log[shown.get(task.id, 0) :]:
                request.progress(f"{when:%H:%M:%S} {text}")
            shown[task.id] = len(task.log)
        return all(task.is_over for task in tasks)

    if not await controller.wait_for(ready, _limit(request)):
        request.progress("")
        late = ", ".join(f"unit {task.unit}" for task in tasks if not task.is_over)
        raise JujuError(f"timed out waiting for results from: {late}")
    return _report(tasks)


def _limit(request: Request) -> float:
    """For how many seconds to wait; looked at first, so that what is refused runs nothing."""
    if not request.words.given("wait"):
        return DEFAULT_WAIT
    return parse_duration(request.words.last("wait")).total_seconds()


def _report(tasks: list[Task]) -> Reply:
    data = {task.unit: views.task(task) for task in tasks}
    bad = [task for task in tasks if task.return_code]
    text = plain(tasks[0]) if len(tasks) == 1 else None
    if not bad:
        return Reply(data, text=text)
    lines = "\n".join(f' - id "{task.id}" with return code {task.return_code}' for task in bad)
    few = "task" if len(bad) == 1 else "tasks"
    error = (
        f"the following {few} failed:\n{lines}\n\nuse 'juju show-task' to inspect the failure\n"
    )
    return Reply(data, text=text, error=error, code=1)


def plain(task: Task) -> str:
    """Return how a task ended as ``juju run`` says it without a format."""
    parts: list[str] = []
    if task.status in {"failed", "error"}:
        parts.append(f"Action id {task.id} failed: {task.message}")
    if task.results:
        parts.append(as_yaml(dict(sorted(task.results.items()))))
    output = task.stdout + task.stderr
    if output:
        if parts:
            parts.append("")
        parts.append(output.rstrip("\n"))
    return "\n".join(parts)


@operation("show-task")
async def show_task(controller: Controller, request: Request) -> Reply:
    """Show one task."""
    model = model_of(controller, request)
    task = model.tasks.get(request.words.args[0])
    if task is None:
        raise NotFoundError("id not found")
    if request.words.given("wait"):
        limit = parse_duration(request.words.last("wait")).total_seconds()
        if not await controller.wait_for(lambda: task.is_over, limit):
            raise JujuError("maximum wait time reached")
    return Reply(views.task(task), text=plain(task))


@operation("operations", "show-operation")
async def operations(controller: Controller, request: Request) -> Reply:
    """Show what was run."""
    model = model_of(controller, request)
    found: dict[str, dict[str, Any]] = {}
    for task in model.tasks.values():
        entry = found.setdefault(
            task.operation,
            {"summary": f'action "{task.action}"', "status": task.status, "tasks": {}},
        )
        entry["tasks"][task.id] = {"host": task.unit, **views.task(task)}
    if request.verb == "operations":
        return Reply(found)
    wanted = request.words.args[0]
    if wanted not in found:
        raise NotFoundError(f'operation "{wanted}" not found')
    return Reply(found[wanted])


@operation("actions")
async def actions(controller: Controller, request: Request) -> Reply:
    """List an application's actions."""
    app = model_of(controller, request).application(request.words.args[0])
    if request.words.on("schema"):
        return Reply({name: dict(a.schema) for name, a in sorted(app.charm.actions.items())})
    return Reply({name: a.description for name, a in sorted(app.charm.actions.items())})


def _is_unit(word: str) -> bool:
    name, slash, number = word.partition("/")
    return bool(name and slash and "=" not in word and (number.isdigit() or number == "leader"))


def _unit(model: Model, name: str) -> Unit | str:
    """A unit, or the words with which Juju says (and succeeds) that there is none."""
    app, _, number = name.partition("/")
    if app not in model.applications:
        if number == "leader":
            raise NotFoundError(
                f'getting leader unit for {app}: application "{app}" not found in leases '
                "(not found)"
            )
        raise NotFoundError(
            "adding action operation: adding action operation: getting charm UUID for "
            f'application "{app}": application "{app}" not found'
        )
    try:
        return model.unit(name)
    except NotFoundError:
        return f'linking task to unit: getting unit UUID for "{name}": unit "{name}" not found'


def _parameters(words: list[str], file: str, cwd: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if file:
        loaded = inputs.read_yaml(inputs.read_text(cwd, file), file)
        if loaded is not None and not isinstance(loaded, dict):
            raise JujuError(f"params in {file} are not a YAML mapping")
        parameters = dict(loaded or {})  # pyright: ignore[reportUnknownArgumentType]
    for word in words:
        path, equals, value = word.partition("=")
        if not equals:
            raise JujuError(f'argument "{word}" must be of the form key.key.key...=value')
        *outer, last = path.split(".")
        into = parameters
        for step in outer:
            inner = into.setdefault(step, {})
            if not isinstance(inner, dict):
                raise JujuError(f'"{word}" gives a key of "{step}", which has a value already')
            into = cast("dict[str, Any]", inner)
        into[last] = inputs.read_yaml(value, f'the value of "{path}"') if value else ""
    return parameters
