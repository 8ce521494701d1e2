"""Units, applications, models, tasks and secrets, each in the shape of the verb that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localjuju import JUJU_VERSION
from localjuju.hooktools.secret_tools import grant_view, rfc3339
from localjuju.hooktools.unit_tools import port_order

from .status import CLOUD, KIND, REGION, since

if TYPE_CHECKING:
    import datetime

    from localjuju.model import LogLine, Model, Task, Unit
    from localjuju.model.applications import Application
    from localjuju.model.relations import Relation
    from localjuju.model.secrets import Secret


def show_unit(model: Model, unit: Unit) -> dict[str, Any]:
    """Return what ``juju show-unit`` prints."""
    app = model.applications[unit.app]
    infos = [_relation_info(unit, relation, model) for relation in model.relations_of(unit.app)]
    view: dict[str, Any] = {"workload-version": app.version} if app.version else {}
    view |= {
        "machine": unit.machine,
        "opened-ports": sorted(unit.ports, key=port_order),
        "public-address": unit.address,
        "charm": f"local:{app.charm.name}-{app.charm_revision}",
        "leader": app.leader == unit.number,
        "life": "dying" if unit.dying else "alive",
    }
    if infos:
        view["relation-info"] = sorted(infos, key=lambda info: info["endpoint"])
    return {unit.name: view}


def _relation_info(unit: Unit, relation: Relation, model: Model) -> dict[str, Any]:
    yours = relation.side_of(model.uuid, unit.app)
    theirs = relation.other(yours)
    own = yours.units.get(unit.number)
    info: dict[str, Any] = {
        "relation-id": yours.relation_id,
        "endpoint": yours.endpoint.name,
    }
    if relation.is_cross_model:
        info["cross-model"] = True
    info |= {
        "related-endpoint": theirs.endpoint.name,
        # The other side's, as Juju shows it; of peers, their own.
        "application-data": dict(sorted(theirs.settings.settings.items())),
        "local-unit": {
            "in-scope": own is not None,
            "data": dict(sorted(own.settings.items())) if own else None,
        },
    }
    others = {
        theirs.name_of(number): {
            "in-scope": True,
            "data": dict(sorted(databag.settings.items())),
        }
        for number, databag in sorted(theirs.units.items())
        if not (relation.is_peer and number == unit.number)
    }
    return {**info, **({"related-units": others} if others else {})}


def show_application(app: Application) -> dict[str, Any]:
    """Return what ``juju show-application`` prints."""
    bindings = dict.fromkeys(["", *app.charm.bindings], "alpha")
    return {
        app.name: {
            "charm": app.charm.name,
            "base": app.base,
            "constraints": {"arch": "amd64", **app.constraints},
            "principal": True,
            "exposed": app.exposed,
            "remote": False,
            "life": "dying" if app.dying else "alive",
            "endpoint-bindings": bindings,
        }
    }


def show_model(model: Model, controller: str, controller_uuid: str) -> dict[str, Any]:
    """Return what ``juju show-model`` prints of one model."""
    return {
        "name": f"admin/{model.name}",
        "short-name": model.name,
        "model-uuid": model.uuid,
        "model-type": "iaas",
        "controller-uuid": controller_uuid,
        "controller-name": controller,
        "is-controller": False,
        "cloud": CLOUD,
        "region": REGION,
        "type": KIND,
        "life": "dying" if model.dying else "alive",
        "status": {"current": "available", "since": since(model.created)},
        "users": {
            "admin": {"display-name": "admin", "access": "admin", "last-connection": "just now"}
        },
        "machines": {unit.machine: {"cores": 0} for unit in model.units()},
        "secret-backends": {"internal": {"num-secrets": len(model.secrets), "status": "active"}},
        "agent-version": JUJU_VERSION,
        "credential": {
            "name": "localhost",
            "owner": "admin",
            "cloud": CLOUD,
            "validity-check": "valid",
        },
        "supported-features": [
            {
                "name": "juju",
                "description": "the version of Juju used by the model",
                "version": JUJU_VERSION,
            }
        ],
    }


def config(app: Application) -> dict[str, Any]:
    """Return what ``juju config`` prints."""
    settings: dict[str, Any] = {}
    for name, option in sorted(app.charm.options.items()):
        entry: dict[str, Any] = {} if option.default is None else {"default": option.default}
        entry["description"] = option.description
        value = app.config.get(name, option.default)
        entry["source"] = "user" if name in app.config else "default"
        if value is None:
            entry["source"] = "unset"
        entry["type"] = option.type
        settings[name] = entry if value is None else {**entry, "value": value}
    trust = {
        "default": False,
        "description": "Does this application have access to trusted credentials",
        "source": "user" if app.trust else "default",
        "type": "bool",
        "value": app.trust,
    }
    return {
        "application": app.name,
        "application-config": {"trust": trust},
        "charm": app.charm.name,
        "settings": settings,
    }


def task(done: Task) -> dict[str, Any]:
    """Return what ``juju run`` and ``juju show-task`` print of one task."""
    view: dict[str, Any] = {"id": done.id}
    if done.log:
        view["log"] = [f"{_moment(when)} {text}" for when, text in done.log]
    if done.message:
        view["message"] = done.message
    if done.completed is not None:
        results: dict[str, Any] = {**done.results, "return-code": done.return_code}
        results |= {n: t for n, t in (("stderr", done.stderr), ("stdout", done.stdout)) if t}
        view["results"] = dict(sorted(results.items()))
    view["status"] = done.status
    timing = {"enqueued": done.enqueued, "started": done.started}
    view["timing"] = {name: _moment(when) for name, when in timing.items() if when is not None}
    return {**view, "unit": done.unit}


def _moment(when: datetime.datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S.%f +0000 UTC")


def secret(
    model: Model, shown: Secret, *, whole: bool = False, revisions: bool = False
) -> dict[str, Any]:
    """Return a secret, without its content, as Juju shows it.

    Args:
        model: The model that it is in.
        shown: The secret.
        whole: With who may read it: as ``juju show-secret`` and not as ``juju secrets``.
        revisions: With each of its revisions.
    """
    newest = shown.revisions[shown.latest]
    of_user = shown.owner.kind == "model"
    view: dict[str, Any] = {"revision": shown.latest}
    if newest.expires is not None:
        view["expires"] = rfc3339(newest.expires)
    view["rotation"] = shown.rotation.value
    if shown.rotates is not None:
        view["rotates"] = rfc3339(shown.rotates)
    view["owner"] = "<model>" if of_user else shown.owner.name
    if shown.description:
        view["description"] = shown.description
    if shown.label:
        view["name" if of_user else "label"] = shown.label
    view |= {"created": rfc3339(shown.created), "updated": rfc3339(shown.updated)}
    if not whole:
        return view
    if revisions:
        view["revisions"] = [
            {
                "revision": number,
                "backend": "internal",
                "created": rfc3339(revision.created),
                "updated": rfc3339(revision.created),
                **({"expires": rfc3339(revision.expires)} if revision.expires else {}),
            }
            for number, revision in sorted(shown.revisions.items())
        ]
    # Juju does not say who in another model may read it.
    access = [
        grant_view(model.relations, reader, relation)
        for reader, relation in shown.grants.items()
        if reader.model == model.uuid
    ]
    if access:
        view["access"] = access
    return view


def log_line(line: LogLine) -> str:
    """Return a line of ``juju debug-log``."""
    return f"{line.entity}: {line.time:%H:%M:%S} {line.level} {line.module} {line.message}"
