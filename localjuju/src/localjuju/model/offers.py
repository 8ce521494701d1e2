"""How an offer to other models begins and ends, where it is given and where it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .charm import NAME
from .errors import JujuError, NotFoundError
from .records import Offer, Saas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Model
    from .relations import Relation


def give(model: Model, app: str, endpoints: Sequence[str], name: str = "") -> Offer:
    """Offer endpoints of an application to other models; the same again is no mistake.

    Args:
        model: Where the application is.
        app: The application.
        endpoints: Names of its endpoints.
        name: The offer's; the application's own if it is not given.

    Raises:
        NotFoundError: If there is no such application or endpoint.
        JujuError: If the name is not valid, or stands for another offer.
    """
    if app not in model.applications:
        raise NotFoundError(f'application "{app}" not found in model "{model.uuid}"')
    name = name or app
    if not NAME.fullmatch(name):
        raise JujuError(f'offer name "{name}" not valid')
    for endpoint in endpoints:
        if endpoint not in model.applications[app].charm.endpoints:
            raise NotFoundError(f'creating offer "{name}": "{endpoint}": endpoint not found')
    wanted = Offer(name, app, tuple(endpoints))
    if model.offers.setdefault(name, wanted) != wanted:
        raise JujuError(f'offer "{name}" already exists, updating offers is not supported')
    return wanted


def take(model: Model, source: Model, offer: str, alias: str = "") -> Saas:
    """Consume an offer of *source* under its own name or another; again is no mistake.

    Raises:
        NotFoundError: If there is no such offer.
        JujuError: If the name is taken.
    """
    if offer not in source.offers:
        raise NotFoundError(f'application offer "admin/{source.name}.{offer}"')
    alias = alias or offer
    known = model.saas.get(alias)
    saas = Saas(alias, source.uuid, offer)
    if alias in model.applications or known not in {None, saas}:
        raise JujuError(
            f'could not consume admin/{source.name}.{offer}: application "{alias}" already exists'
        )
    model.saas[alias] = saas
    return saas


def taken(model: Model, name: str) -> list[Relation]:
    """Return the relations that were made by an offer of *model*."""
    app = model.offers[name].app
    return [relation for relation in model.relations_of(app) if relation.offer == name]


def remove_offer(model: Model, name: str) -> None:
    """Take an offer back, unless it is gone, and begin to remove the relations made by it."""
    if name in model.offers:
        for relation in taken(model, name):
            model.break_relation(relation)
        del model.offers[name]


def remove_saas(model: Model, name: str) -> None:
    """Forget what *model* consumes under a name, and begin to remove its relations.

    Of a name under which nothing is consumed Juju says nothing, and succeeds.
    """
    saas = model.saas.pop(name, None)
    if saas is None:
        return
    for relation in list(model.relations.values()):
        if any(side.model == saas.model and side.seen_as == name for side in relation.sides):
            model.break_relation(relation)
