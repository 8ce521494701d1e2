"""How an offer to other models ends, on the side that gave it and on the one that took it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Model
    from .relations import Relation


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
