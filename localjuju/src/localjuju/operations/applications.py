"""Units and relations: what adds and removes them, and what is noted of applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localjuju.model import JujuError, Model, NotFoundError, Unit
from localjuju.wire import Reply, Request

from .offers import take_offer
from .registry import model_of, operation

if TYPE_CHECKING:
    from localjuju.controller import Controller

PAIR = 2


@operation("integrate", "relate")
async def integrate(controller: Controller, request: Request) -> Reply:
    """Relate two applications."""
    model, args = model_of(controller, request), request.words.args
    if len(args) != PAIR:
        raise JujuError("an integration must involve two applications", 2)
    model.integrate(*(_with_offer(controller, model, word) for word in args))
    controller.model_changed()
    return Reply()


def _with_offer(controller: Controller, model: Model, word: str) -> str:
    """An end of a relation as the model knows it; an offer's URL is consumed by the way."""
    if "/" not in word:
        return word
    if ":" in word.rpartition("/")[2]:
        raise JujuError(f'saas application "{word}" shouldn\'t include endpoint')
    try:
        return take_offer(controller, model, word).name
    except NotFoundError as error:
        raise NotFoundError(f"{error} not found") from error


@operation("remove-relation")
async def remove_relation(controller: Controller, request: Request) -> Reply:
    """Begin to remove a relation."""
    model, args = model_of(controller, request), request.words.args
    if len(args) == 1 and args[0].isdecimal():
        relation = model.remove_relation_by_id(int(args[0]))
    elif len(args) == PAIR:
        relation = model.remove_relation(args[0], args[1])
    else:
        raise JujuError("a relation must involve two applications", 2)
    if request.words.on("force"):
        for side in relation.sides:
            for number in list(side.units):
                side.leave(number)
        model.break_relation(relation)
    controller.model_changed()
    return Reply()


@operation("add-unit")
async def add_unit(controller: Controller, request: Request) -> Reply:
    """Add units."""
    model, words = model_of(controller, request), request.words
    if words.number("num-units", 1) < 1:
        raise JujuError("--num-units must be a positive integer", 2)
    try:
        model.add_units(words.args[0], words.number("num-units", 1), controller.now())
    except NotFoundError as error:
        raise NotFoundError(f"{error} (not found)") from error
    controller.model_changed()
    return Reply()


@operation("remove-unit")
async def remove_unit(controller: Controller, request: Request) -> Reply:
    """Begin to remove units."""
    model, words = model_of(controller, request), request.words
    if words.given("num-units"):
        raise JujuError("--num-units is for Kubernetes models; name the units to remove", 2)
    units: list[Unit] = []
    for name in words.args:
        try:
            units.append(model.unit(name))
        except NotFoundError as error:
            raise NotFoundError(f"removing unit {name} failed: {error}") from error
    lines = [f"will remove unit {unit.name}" for unit in units]
    return await _remove(controller, model, request, units, lines, kind="unit")


@operation("remove-application")
async def remove_application(controller: Controller, request: Request) -> Reply:
    """Begin to remove applications."""
    model = model_of(controller, request)
    lines: list[str] = []
    units: list[Unit] = []
    for name in request.words.args:
        try:
            app = model.application(name)
        except NotFoundError as error:
            raise NotFoundError(f"removing application {name} failed: {error}") from error
        lines.append(f"will remove application {name}")
        lines += [f"- will remove unit {unit.name}" for _, unit in sorted(app.units.items())]
        units += app.units.values()
    return await _remove(controller, model, request, units, lines, kind="application")


async def _remove(
    controller: Controller,
    model: Model,
    request: Request,
    units: list[Unit],
    lines: list[str],
    *,
    kind: str,
) -> Reply:
    """Remove units, or the applications that the request names with them."""
    words, text = request.words, "\n".join(lines)
    if words.on("dry-run") or not words.on("no-prompt"):
        warning = "WARNING This command will perform the following actions:"
        if words.on("dry-run"):
            return Reply(text=text, notes=(warning,))
        return Reply(
            text=text,
            notes=(warning, ""),
            question="Continue [y/N]? ",
            error=f"{kind} removal: aborted",
            code=1,
        )
    if kind == "application":
        for name in words.args:
            model.remove_application(name)
    else:
        for unit in units:
            model.remove_unit(unit)
    if words.on("force"):
        for unit in units:
            await controller.remove_now(model, unit)
    controller.model_changed()
    return Reply(text=text)


@operation("scale-application")
async def scale_application(controller: Controller, request: Request) -> Reply:
    """Refused, as by Juju for anything but a Kubernetes model."""
    model = model_of(controller, request)
    model.application(request.words.args[0])
    raise JujuError(
        "scaling of a non-container model is not supported: "
        'use "juju add-unit" and "juju remove-unit"'
    )


@operation("trust")
async def trust(controller: Controller, request: Request) -> Reply:
    """Note that an application is trusted, which has no effect here."""
    app = model_of(controller, request).application(request.words.args[0])
    app.trust = not request.words.on("remove")
    return Reply()


@operation("expose", "unexpose")
async def expose(controller: Controller, request: Request) -> Reply:
    """Note that an application is exposed, which has no effect here."""
    model, name = model_of(controller, request), request.words.args[0]
    if name in model.saas:
        # Juju takes it, and does nothing.
        return Reply()
    if name not in model.applications:
        raise NotFoundError(f'getting application "{name}" not found')
    app = model.applications[name]
    app.exposed = request.verb == "expose"
    return Reply()


@operation("resolve", "resolved")
async def resolve(controller: Controller, request: Request) -> Reply:
    """Run a failed hook again now, or take it as done."""
    model, words = model_of(controller, request), request.words
    if words.on("all"):
        units = [unit for unit in model.units() if unit.failure is not None]
    elif not words.args:
        raise JujuError("no unit specified", 2)
    else:
        units = [_named_unit(model, name) for name in words.args]
        for unit in units:
            if unit.failure is None:
                raise JujuError(
                    f'resolving unit: checking unit "{unit.name}" status: '
                    "unit is not in error state"
                )
    for unit in units:
        unit.resolve = "skip" if words.on("no-retry") else "retry"
    controller.model_changed()
    return Reply()


def _named_unit(model: Model, name: str) -> Unit:
    if "/" not in name:
        raise JujuError(f'unit name "{name}" not valid', 2)
    return model.unit(name)
