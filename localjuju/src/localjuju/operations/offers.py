"""Offers to other models of the controller, and consuming them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localjuju import views
from localjuju.model import JujuError, Model, NotFoundError, Offer, Saas, offers
from localjuju.wire import Reply, Request

from .registry import model_of, operation

if TYPE_CHECKING:
    from localjuju.controller import Controller


@operation("offer")
async def offer(controller: Controller, request: Request) -> Reply:
    """Offer endpoints of an application: ``offer MODEL.APP:ENDPOINT[,…] [NAME]``."""
    found = re.fullmatch(r"(?:(?:[^/]+/)?([^/.]+)\.)?([^:.]+):([^:]+)", request.words.args[0])
    if not found:
        raise JujuError(
            'endpoints must conform to format "<application-name>:<endpoint-name>[,...]"'
        )
    try:
        model = controller.model(found[1]) if found[1] else model_of(controller, request)
    except NotFoundError as error:
        raise NotFoundError(f"getting model details: {error}") from error
    name = request.words.args[1] if len(request.words.args) > 1 else ""
    given = offers.give(model, found[2], found[3].split(","), name)
    url = f"admin/{model.name}.{given.name}"
    shown = ", ".join(given.endpoints)
    return Reply(notes=(f'Application "{given.app}" endpoints [{shown}] available at "{url}"',))


@operation("consume")
async def consume(controller: Controller, request: Request) -> Reply:
    """Give an offer a name in this model."""
    model, words = model_of(controller, request), request.words
    alias = words.args[1] if len(words.args) > 1 else ""
    saas = take_offer(controller, model, words.args[0], alias)
    source = controller.models[saas.model]
    return Reply(notes=(f"Added admin/{source.name}.{saas.offer} as {saas.name}",))


def take_offer(controller: Controller, model: Model, url: str, alias: str = "") -> Saas:
    """Consume an offer under its own name or another; again is no mistake.

    Raises:
        JujuError: If there is no such offer, or the name is taken.
    """
    source, found = _find(controller, url)
    return offers.take(model, source, found.name, alias)


@operation("remove-saas")
async def remove_saas(controller: Controller, request: Request) -> Reply:
    """Forget an offer of another model, with its relations."""
    model = model_of(controller, request)
    for name in request.words.args:
        offers.remove_saas(model, name)
    controller.model_changed()
    return Reply()


@operation("remove-offer")
async def remove_offer(controller: Controller, request: Request) -> Reply:
    """Take an offer back; with ``--force`` also one that is in use."""
    chosen: list[tuple[Model, Offer]] = []
    for url in request.words.args:
        source, found = _find_own(controller, url if "." in url else f"{request.model}.{url}")
        taken = offers.taken(source, found.name)
        if taken and not request.words.on("force"):
            raise JujuError(
                f'deleting offer "{found.name}": cannot delete offer {{"{found.name}"}}, '
                f"it has {len(taken)} connections"
            )
        chosen.append((source, found))
    if request.words.on("force") and not (
        request.words.on("yes") or request.words.on("no-prompt")
    ):
        urls = " ".join(f"admin/{source.name}.{found.name}" for source, found in chosen)
        return Reply(
            notes=(
                f"WARNING! This command will remove offers: {urls}",
                "This includes all relations to those offers.",
                "",
            ),
            question="Continue [y/N]? ",
            error="offer removal: aborted",
            code=1,
        )
    for source, found in chosen:
        offers.remove_offer(source, found.name)
    controller.model_changed()
    return Reply()


@operation("offers")
async def list_offers(controller: Controller, request: Request) -> Reply:
    """List this model's offers and who took them."""
    model, words = model_of(controller, request), request.words
    name, app = words.args[0] if words.args else "", words.last("application")
    # There is one user, who may consume everything and has consumed what is consumed.
    someone_else = {words.last("allowed-consumer", "admin"), words.last("connected-user", "admin")}
    listed = {
        offer.name: _listed(controller, model, offer)
        for _, offer in sorted(model.offers.items())
        if name in {"", offer.name} and app in {"", offer.app} and someone_else == {"admin"}
    }
    if words.on("active-only"):
        listed = {name: view for name, view in listed.items() if "connections" in view}
    return Reply(listed)


def _listed(controller: Controller, model: Model, found: Offer) -> dict[str, Any]:
    app = model.applications[found.app]
    connections: list[dict[str, Any]] = []
    for relation in model.relations_of(found.app):
        if relation.offer != found.name:
            continue
        yours = relation.side_of(model.uuid, found.app)
        connections.append(
            {
                "source-model-uuid": relation.other(yours).model,
                "username": "admin",
                "relation-id": yours.relation_id,
                "endpoint": yours.endpoint.name,
                "status": {"current": "joined", "since": "just now"},
            }
        )
    view: dict[str, Any] = {
        "application": found.app,
        "store": controller.name,
        "charm": f"local:amd64/{app.charm.name}-{app.charm_revision}",
        "offer-url": f"admin/{model.name}.{found.name}",
        "endpoints": {name: views.endpoint_view(app, name) for name in found.endpoints},
    }
    if connections:
        view["connections"] = connections
    return {**view, "users": {"admin": {"display-name": "admin", "access": "admin"}}}


@operation("show-offer", "find-offers")
async def show_offer(controller: Controller, request: Request) -> Reply:
    """Show an offer by its URL, or all that there are."""
    words = request.words
    if request.verb == "show-offer":
        url = words.args[0] if "." in words.args[0] else f"{request.model}.{words.args[0]}"
        found = [_find(controller, url)]
    else:
        name = words.args[0].rpartition("/")[2] if words.args else ""
        found = [
            (model, entry)
            for model in controller.models.values()
            for entry in model.offers.values()
            if name in {"", model.name}
        ]
        if not found:
            raise NotFoundError("no matching application offers found")
    shown = {}
    for model, entry in found:
        app = model.applications[entry.app]
        view = {
            "description": app.charm.summary or app.charm.description,
            "access": "admin",
            "endpoints": {end: views.endpoint_view(app, end) for end in entry.endpoints},
            "users": {"admin": {"display-name": "admin", "access": "admin"}},
        }
        if request.verb == "find-offers":
            del view["description"]
        shown[f"{controller.name}:admin/{model.name}.{entry.name}"] = view
    return Reply(shown)


def _find(controller: Controller, url: str) -> tuple[Model, Offer]:
    path = url.rpartition(":")[2]
    model_name, _, name = path.rpartition("/")[2].rpartition(".")
    for model in controller.models.values():
        if model.name == model_name and name in model.offers:
            return model, model.offers[name]
    raise NotFoundError(f'application offer "{path}"')


def _find_own(controller: Controller, url: str) -> tuple[Model, Offer]:
    """As ``_find``, in the words of ``remove-offer``."""
    model, _, name = url.rpartition("/")[2].rpartition(".")
    if not any(known.name == model for known in controller.models.values()):
        raise NotFoundError(f'model "admin/{model}": not found')
    try:
        return _find(controller, url)
    except NotFoundError:
        raise NotFoundError(f'"{name}": offer not found') from None
