"""Which charm may be deployed under a name, and which may take the place of another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .charm import NAME
from .errors import JujuError
from .values import parse_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .applications import Application
    from .charm import Charm
    from .model import Model


def check_name(name: str) -> None:
    """Refuse what cannot be an application's name."""
    bad = re.search(r"[^a-z0-9-]", name)
    if bad:
        raise JujuError(f'invalid application name "{name}", unexpected character {bad[0]}', 2)
    if not NAME.fullmatch(name):
        raise JujuError(f'invalid application name "{name}"', 2)


def check_deploy(model: Model, charm: Charm, name: str, config: Mapping[str, str]) -> None:
    """Refuse a name that is taken, and options that the charm has not."""
    if name in model.applications or name in model.saas:
        raise JujuError(
            f'cannot deploy "{name}": creating application "{name}": creating IAAS '
            f'application "{name}": inserting IAAS application "{name}": checking if '
            f'application "{name}" exists: application already exists'
        )
    try:
        parse_config(charm, config)
    except JujuError as error:
        raise JujuError(
            f'cannot deploy "{name}": preparing application args: validating create '
            f"application args: validating application config: {error}"
        ) from error


def check_same_charm(app: Application, charm: Charm) -> None:
    """Refuse another charm in place of an application's own."""
    if app.charm.name != charm.name:
        raise JujuError(f'cannot refresh "{app.charm.name}" to "{charm.name}"')


def check_endpoints(model: Model, app: Application, charm: Charm) -> None:
    """Refuse a revision that lacks a related endpoint, or (Juju 4.0) brings a new endpoint."""
    failed = f'setting application "{app.name}" charm: '
    for relation in model.relations_of(app.name):
        end = relation.side_of(model.uuid, app.name).endpoint
        kept = charm.endpoints.get(end.name)
        if kept is not None and (kept.role, kept.interface) == (end.role, end.interface):
            continue
        if relation.is_peer:
            raise JujuError(
                f'{failed}charm has no corresponding peer relation "{end.name}". '
                "Please scale down to 0 units to refresh"
            )
        raise JujuError(f'{failed}charm has no corresponding relation "{end.name}"')
    for offer in model.offers.values():
        lost = [end for end in offer.endpoints if end not in charm.endpoints]
        if offer.app == app.name and lost:
            raise JujuError(f'{failed}"{lost[0]}" is offered as "{offer.name}", and not in it')
    if set(charm.endpoints) - set(app.charm.endpoints):
        names = ", ".join(charm.bindings)
        raise JujuError(f'{failed}one or more of the provided endpoints "{names}" do not exist')
