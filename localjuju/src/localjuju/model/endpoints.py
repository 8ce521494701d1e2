"""Which two endpoints are meant when applications are related, and whether they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .charm import Endpoint, Role
from .errors import JujuError, NotFoundError
from .relations import Relation, Side

if TYPE_CHECKING:
    from .model import Model

Candidate = tuple[str, Endpoint]
"""An application, or an offer that this model consumes, and one of its endpoints."""


def integrate(model: Model, one: str, two: str) -> Relation:
    """Relate two applications, each given as ``app`` or ``app:endpoint``.

    Raises:
        JujuError: If no endpoints fit, if several do, or if they are related already.
    """
    try:
        (app1, end1), (app2, end2) = _choose(model, one, two)
    except JujuError as error:
        raise JujuError(
            f'adding relation between endpoints "{one}" and "{two}": '
            f'cannot relate endpoints "{one}" and "{two}": {error}'
        ) from error
    pair = {(app1, end1.name), (app2, end2.name)}
    for relation in model.relations.values():
        if _names(model, relation) == pair:
            first, second = f"{app1}:{end1.name}", f"{app2}:{end2.name}"
            raise JujuError(
                f'adding relation between endpoints "{one}" and "{two}": cannot add relation '
                f'"{one}", "{two}": relation {first} {second}: already exists'
            )
    for app, end in ((app1, end1), (app2, end2)):
        taken = [r for r in model.relations.values() if (app, end.name) in _names(model, r)]
        if end.limit is not None and len(taken) >= end.limit:
            raise JujuError(
                f'adding relation between endpoints "{one}" and "{two}": cannot add relation: '
                f'establishing a new relation for "{app}:{end.name}" would exceed its maximum '
                f"relation limit of {end.limit}"
            )
    if app1 in model.saas or app2 in model.saas:
        here, there = ((app2, end2), app1) if app1 in model.saas else ((app1, end1), app2)
        return _across(model, here, there, end1 if there == app1 else end2)
    number = model.take_relation_id()
    return model.new_relation(
        (
            Side(model.uuid, app1, end1, number, app1),
            Side(model.uuid, app2, end2, number, app2),
        )
    )


def find(model: Model, one: str, two: str) -> Relation:
    """Return the relation between two applications, for its removal.

    Raises:
        NotFoundError: If there is none that is not being removed already.
    """
    for _, relation in sorted(model.relations.items()):
        names = _names(model, relation)
        if len(relation.sides) > 1 and not relation.dying and _fit(names, one, two):
            return relation
    raise NotFoundError(f"relation with endpoints [{one} {two}] or id 0 not found (not found)")


def find_by_id(model: Model, number: int) -> Relation:
    """Return the relation of a number, for its removal.

    Raises:
        NotFoundError: If there is none that is not being removed already.
    """
    relation = model.relations.get(number)
    if relation is None or relation.dying or relation.is_peer:
        raise NotFoundError(f"relation with endpoints [] or id {number} not found (not found)")
    return relation


def _fit(names: set[tuple[str, str]], one: str, two: str) -> bool:
    (first, second) = sorted(names)
    return any(
        all(
            app == spec.partition(":")[0] and spec.partition(":")[2] in {"", end}
            for (app, end), spec in zip(order, (one, two), strict=True)
        )
        for order in ((first, second), (second, first))
    )


def _names(model: Model, relation: Relation) -> set[tuple[str, str]]:
    """The two ends of a relation under the names that this model has for them."""
    ours = [s for s in relation.sides if s.model == model.uuid and s.app in model.applications]
    return {(s.app if s in ours else s.seen_as, s.endpoint.name) for s in relation.sides}


def _choose(model: Model, one: str, two: str) -> tuple[Candidate, Candidate]:
    pairs = [
        (a, b)
        for a in _candidates(model, one)
        for b in _candidates(model, two)
        if {a[1].role, b[1].role} == {Role.PROVIDER, Role.REQUIRER}
        and a[1].interface == b[1].interface
        and a[0] != b[0]
    ]
    if not pairs:
        raise JujuError("no compatible endpoints found between applications")
    if len(pairs) > 1:
        could = "; ".join(sorted(f'"{a[0]}:{a[1].name} {b[0]}:{b[1].name}"' for a, b in pairs))
        raise JujuError(f'ambiguous relation: "{one} {two}" could refer to {could}')
    return pairs[0]


def _candidates(model: Model, spec: str) -> list[Candidate]:
    name, _, endpoint = spec.partition(":")
    if name in model.saas:
        saas = model.saas[name]
        source = model.models.get(saas.model)
        offer = source.offers.get(saas.offer) if source else None
        if source is None or offer is None:
            raise JujuError(f'application "{name}" is terminated: its offer has been removed')
        charm = source.applications[offer.app].charm
        found = [(name, charm.endpoints[end]) for end in offer.endpoints]
    elif name in model.applications:
        found = [(name, end) for end in model.applications[name].charm.endpoints.values()]
    else:
        found = []
    found = [(app, end) for app, end in found if endpoint in {"", end.name}]
    if not found:
        raise NotFoundError(f"no candidates for {spec}: relation endpoint not found")
    return found


def _across(model: Model, here: Candidate, saas_name: str, there: Endpoint) -> Relation:
    """Relate an application to an offer of another model."""
    saas = model.saas[saas_name]
    source = model.models[saas.model]
    # The side that offers sees a token, a new one for each relation, and no name.
    token = f"remote-{model.rng.getrandbits(128):032x}"
    return model.new_relation(
        (
            Side(model.uuid, here[0], here[1], model.take_relation_id(), token),
            Side(
                source.uuid,
                source.offers[saas.offer].app,
                there,
                source.take_relation_id(),
                saas_name,
            ),
        ),
        saas.offer,
    )
