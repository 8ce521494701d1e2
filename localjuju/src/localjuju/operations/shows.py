"""What is only looked at: status, units, applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localjuju import views
from localjuju.model import NotFoundError
from localjuju.wire import Reply, Request

from .registry import model_of, operation

if TYPE_CHECKING:
    from localjuju.controller import Controller


@operation("status")
async def status(controller: Controller, request: Request) -> Reply:
    """Show the model; of some applications or units if they are named."""
    model = model_of(controller, request)
    view = views.status(model, controller.name, controller.now())
    if request.words.args:
        wanted = {word.partition("/")[0] for word in request.words.args}
        view["applications"] = {n: a for n, a in view["applications"].items() if n in wanted}
    # Not part of Juju's JSON: for the table alone, which drops it again.
    view["integrations"] = views.integrations(model)
    return Reply(view)


@operation("show-unit")
async def show_unit(controller: Controller, request: Request) -> Reply:
    """Show units with their relations' data."""
    model = model_of(controller, request)
    shown: dict[str, object] = {}
    for name in request.words.args:
        try:
            unit = model.unit(name)
        except NotFoundError as error:
            raise NotFoundError(f"unit {name} not found") from error
        view = views.show_unit(model, unit)
        infos = view[unit.name].get("relation-info", [])
        endpoint, other = request.words.last("endpoint"), request.words.last("related-unit")
        if endpoint:
            infos = [info for info in infos if info["endpoint"] == endpoint]
        if other:
            infos = [
                {**info, "related-units": {other: info["related-units"][other]}}
                for info in infos
                if other in info.get("related-units", {})
            ]
        if request.words.on("app"):
            infos = [{k: v for k, v in info.items() if k != "related-units"} for info in infos]
        if "relation-info" in view[unit.name]:
            view[unit.name]["relation-info"] = infos
        shown |= view
    return Reply(shown)


@operation("show-application")
async def show_application(controller: Controller, request: Request) -> Reply:
    """Show applications."""
    model = model_of(controller, request)
    shown: dict[str, object] = {}
    for name in request.words.args:
        if name not in model.applications:
            raise NotFoundError(f"application {name} not found")
        shown |= views.show_application(model.applications[name])
    return Reply(shown)


@operation("unit-folder")
async def unit_folder(controller: Controller, request: Request) -> Reply:
    """Where a unit's things are, for ``juju ssh`` and ``juju scp``."""
    model = model_of(controller, request)
    name = request.words.args[0]
    if name.isdigit():
        unit = next((u for u in model.units() if u.machine == name), None)
        if unit is None:
            raise NotFoundError(f"machine {name} not found")
    else:
        unit = model.unit(name)
    agent = controller.agents[model.uuid, unit.name]
    return Reply({"folder": str(agent.folder), "mark": agent.mark})
