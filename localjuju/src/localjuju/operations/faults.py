"""Faults on demand, under ``juju local``: what Juju has no verb for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localjuju.model import JujuError, Model, Unit, hooks, parse_duration
from localjuju.model.secrets import Expiry, parse_uri
from localjuju.wire import Reply, Request

from .registry import model_of, operation

if TYPE_CHECKING:
    from localjuju.controller import Controller


@operation("local kill-hook")
async def kill_hook(controller: Controller, request: Request) -> Reply:
    """Kill a unit's next hook (``--hook`` names one) at its n-th tool call, unanswered."""
    model, words = model_of(controller, request), request.words
    unit = model.unit(words.args[0])
    at = words.number("at", 1)
    if at < 1:
        raise JujuError("--at counts from 1", 2)
    agent = controller.agents[model.uuid, unit.name]
    agent.kill_at, agent.kill_in = at, words.last("hook")
    return Reply()


@operation("local stop")
async def stop(controller: Controller, request: Request) -> Reply:
    """Stop a unit, as a machine that is switched off: its processes end, its agent is lost."""
    model, unit = _unit(controller, request)
    unit.paused = True
    await controller.agents[model.uuid, unit.name].end_processes()
    controller.lose_leader_later(model, unit)
    controller.model_changed()
    return Reply()


@operation("local start")
async def start(controller: Controller, request: Request) -> Reply:
    """Start a stopped unit: as after a reboot, it runs ``start``."""
    _, unit = _unit(controller, request)
    hooks.reboot(unit)
    controller.model_changed()
    return Reply()


@operation("local cut-off")
async def cut_off(controller: Controller, request: Request) -> Reply:
    """Cut a unit off from the controller: its processes live on, but it hears nothing."""
    model, unit = _unit(controller, request)
    unit.paused = True
    run = controller.agents[model.uuid, unit.name].run
    if run is not None:
        run.kill()
    controller.lose_leader_later(model, unit)
    controller.model_changed()
    return Reply()


@operation("local reconnect")
async def reconnect(controller: Controller, request: Request) -> Reply:
    """End what ``cut-off`` began."""
    _, unit = _unit(controller, request)
    unit.paused = False
    controller.model_changed()
    return Reply()


@operation("local lead")
async def lead(controller: Controller, request: Request) -> Reply:
    """Make a unit the leader of its application."""
    model, unit = _unit(controller, request)
    app = model.applications[unit.app]
    if app.leader != unit.number:
        hooks.move_leadership(app, unit)
    controller.model_changed()
    return Reply()


@operation("local expiry")
async def expiry(controller: Controller, request: Request) -> Reply:
    """Choose how the model tells of secrets that expire: exact, juju-4.0 or lost."""
    model = model_of(controller, request)
    names = [way.value for way in Expiry]
    if not request.words.args:
        return Reply(text=model.expiry.value)
    if request.words.args[0] not in names:
        raise JujuError(f'"{request.words.args[0]}" is none of: {", ".join(names)}', 2)
    model.expiry = Expiry(request.words.args[0])
    controller.model_changed()
    return Reply()


@operation("local advance-expiry")
async def advance_expiry(controller: Controller, request: Request) -> Reply:
    """Bring the expiry of a secret's revisions (or of all secrets) forward by a duration."""
    model, words = model_of(controller, request), request.words
    by = parse_duration(words.args[0])
    secrets = list(model.secrets.values())
    if len(words.args) > 1:
        wanted = parse_uri(words.args[1])[1]
        secrets = [secret for secret in secrets if secret.id == wanted]
        if not secrets:
            raise JujuError(f'secret "{wanted}" not found')
    for secret in secrets:
        for revision in secret.revisions.values():
            if revision.expires is not None:
                revision.expires -= by
    controller.model_changed()
    return Reply()


@operation("local update-status")
async def update_status(controller: Controller, request: Request) -> Reply:
    """Have a unit run ``update-status`` now."""
    _, unit = _unit(controller, request)
    if unit.next_update_status is None:
        raise JujuError(f'unit "{unit.name}" has not started')
    unit.next_update_status = controller.now()
    controller.model_changed()
    return Reply()


def _unit(controller: Controller, request: Request) -> tuple[Model, Unit]:
    model = model_of(controller, request)
    return model, model.unit(request.words.args[0])
