"""A model as data, in the shape of Juju's JSON: what ``juju status`` and the others show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localjuju import JUJU_VERSION

from .hooktools.secret_tools import grant_view, rfc3339
from .hooktools.unit_tools import port_order
from .model import LogLine, Model, Status, Task, Unit
from .model.charm import Role

if TYPE_CHECKING:
    import datetime

    from .model.applications import Application
    from .model.relations import Relation
    from .model.secrets import Secret

CLOUD = REGION = "localhost"
KIND = "localjuju"
"""Where Juju names the kind of cloud: what this is, so that nobody takes it for a real one."""


def since(moment: datetime.datetime) -> str:
    """Return a moment as status shows it."""
    return moment.strftime("%d %b %Y %H:%M:%SZ")


def _status(status: Status) -> dict[str, str]:
    view = {"current": status.current}
    if status.message:
        view["message"] = status.message
    return {**view, "since": since(status.since)}


def status(model: Model, controller: str, now: datetime.datetime) -> dict[str, Any]:
    """Return what ``juju status --format json`` prints."""
    view: dict[str, Any] = {
        "model": {
            "name": model.name,
            "type": "iaas",
            "controller": controller,
            "cloud": CLOUD,
            "region": REGION,
            "version": JUJU_VERSION,
            "model-status": {
                "current": "destroying" if model.dying else "available",
                "message": "localjuju: a stand-in for Juju on one machine",
                "since": since(model.created),
            },
        },
        "machines": {unit.machine: _machine(unit) for unit in model.units()},
        "applications": {n: _application(model, a) for n, a in sorted(model.applications.items())},
    }
    if model.saas:
        view["application-endpoints"] = {n: _saas(model, n) for n in sorted(model.saas)}
    if model.offers:
        view["offers"] = {n: _offer_status(model, n) for n in sorted(model.offers)}
    return {**view, "storage": {}, "controller": {"timestamp": now.strftime("%H:%M:%SZ")}}


def _machine(unit: Unit) -> dict[str, Any]:
    name = f"localjuju-{unit.machine}"
    return {
        "juju-status": {
            "current": "down" if unit.paused else "started",
            "since": since(unit.created),
            "life": "dying" if unit.dying else "alive",
        },
        "hostname": name,
        "dns-name": unit.address,
        "ip-addresses": [unit.address],
        "instance-id": name,
        "machine-status": {
            "current": "running",
            "message": "Running",
            "since": since(unit.created),
        },
        "modification-status": {"current": "idle", "since": since(unit.created)},
        "base": {"name": "ubuntu", "channel": "24.04"},
        "network-interfaces": {
            "lo": {
                "ip-addresses": [f"{unit.address}/8"],
                "mac-address": "",
                "space": "alpha",
                "is-up": True,
            }
        },
        "constraints": "arch=amd64",
        "hardware": "arch=amd64 cores=0 mem=0M",
    }


def _application(model: Model, app: Application) -> dict[str, Any]:
    base, _, channel = app.base.partition("@")
    view: dict[str, Any] = {
        "charm": f"local:{app.charm.name}-{app.charm_revision}",
        "base": {"name": base, "channel": channel.partition("/")[0]},
        "charm-origin": app.charm_origin,
        "charm-name": app.charm.name,
        "charm-rev": app.charm_revision,
        "exposed": app.exposed,
        "life": "dying" if app.dying else "alive",
        "application-status": _status(application_status(app)),
    }
    relations = _relations(model, app)
    if relations:
        view["relations"] = relations
    if app.units:
        view["units"] = {u.name: _unit(app, u) for _, u in sorted(app.units.items())}
    if app.version:
        view["version"] = app.version
    bindings = dict.fromkeys(["", *app.charm.bindings], "alpha")
    return {**view, "endpoint-bindings": bindings}


def application_status(app: Application) -> Status:
    """Return what the leader said of the application, or the worst that its units say."""
    if app.status is not None:
        return app.status
    order = ["error", "blocked", "waiting", "maintenance", "terminated", "active", "unknown"]
    said = [workload_status(unit) for unit in app.units.values()]
    if not said:
        return Status("unknown", "", app.since)
    return min(said, key=lambda s: order.index(s.current) if s.current in order else len(order))


def workload_status(unit: Unit) -> Status:
    """Return what is shown for a unit: what its charm said, unless a hook failed or it is lost."""
    if unit.paused:
        return Status("unknown", "agent lost, see 'juju local'", unit.agent.since)
    if unit.failure is not None:
        return Status("error", f'hook failed: "{unit.failure.hook.name}"', unit.agent.since)
    return unit.workload


def _unit(app: Application, unit: Unit) -> dict[str, Any]:
    agent = (
        Status("lost", "agent is not communicating", unit.agent.since)
        if unit.paused
        else unit.agent
    )
    view: dict[str, Any] = {
        "workload-status": _status(workload_status(unit)),
        "juju-status": {**_status(agent), "version": JUJU_VERSION},
    }
    if unit.dying:
        view["juju-status"]["life"] = "dying"
    if app.leader == unit.number:
        view["leader"] = True
    view["machine"] = unit.machine
    if unit.ports:
        view["open-ports"] = sorted(unit.ports, key=port_order)
    return {**view, "public-address": unit.address}


def _relations(model: Model, app: Application) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for relation in model.relations_of(app.name):
        yours = relation.side_of(model.uuid, app.name)
        theirs = relation.other(yours)
        # Where an offer is given, Juju's status does not show who took it.
        if relation.is_cross_model and theirs.seen_as not in model.saas:
            continue
        entry = {
            "related-application": theirs.seen_as,
            "interface": relation.interface,
            "scope": "global",
        }
        found.setdefault(yours.endpoint.name, []).append(entry)
    return dict(sorted(found.items()))


def _saas(model: Model, name: str) -> dict[str, Any]:
    saas = model.saas[name]
    source = model.models.get(saas.model)
    offer = source.offers.get(saas.offer) if source else None
    view: dict[str, Any] = {"url": f"admin/{source.name if source else '?'}.{saas.offer}"}
    if source is None or offer is None:
        since_then = since(model.created)
        return {
            **view,
            "life": "alive",
            "application-status": {
                "current": "terminated",
                "message": "offer has been removed",
                "since": since_then,
            },
        }
    app = source.applications[offer.app]
    relations: dict[str, list[str]] = {}
    for relation in model.relations.values():
        for side in relation.sides:
            if side.model != source.uuid or side.seen_as != name:
                continue
            relations.setdefault(side.endpoint.name, []).append(relation.other(side).app)
    view |= {
        "endpoints": {end: endpoint_view(app, end) for end in offer.endpoints},
        "life": "alive",
        "application-status": _status(application_status(app)),
    }
    return {**view, **({"relations": relations} if relations else {})}


def endpoint_view(app: Application, name: str) -> dict[str, str]:
    """Return an endpoint as offers show it."""
    endpoint = app.charm.endpoints[name]
    return {"interface": endpoint.interface, "role": endpoint.role.value}


def _offer_status(model: Model, name: str) -> dict[str, Any]:
    offer = model.offers[name]
    app = model.applications[offer.app]
    count = len([r for r in model.relations_of(app.name) if r.is_cross_model])
    return {
        "application": app.name,
        "charm": f"local:amd64/{app.charm.name}-{app.charm_revision}",
        "total-connected-count": count,
        "active-connected-count": count,
        "endpoints": {end: endpoint_view(app, end) for end in offer.endpoints},
    }


def integrations(model: Model) -> list[dict[str, str]]:
    """Return the relations as the table of ``juju status --relations`` has them."""
    rows: list[dict[str, str]] = []
    for _, relation in sorted(model.relations.items()):
        if relation.is_cross_model and not any(s.seen_as in model.saas for s in relation.sides):
            continue
        names = {s.endpoint.role: _shown_end(model, s) for s in relation.sides}
        peer = names.get(Role.PEER, "")
        rows.append(
            {
                "provider": names.get(Role.PROVIDER, peer),
                "requirer": names.get(Role.REQUIRER, peer),
                "interface": relation.interface,
                "type": "peer" if relation.is_peer else "regular",
                "message": "dying" if relation.dying else "",
            }
        )
    return sorted(rows, key=lambda row: row["provider"])


def _shown_end(model: Model, side: Any) -> str:
    name = side.app if side.model == model.uuid else side.seen_as
    return f"{name}:{side.endpoint.name}"


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
    access = [grant_view(model.relations, *grant) for grant in shown.grants.items()]
    if access:
        view["access"] = access
    return view


def log_line(line: LogLine) -> str:
    """Return a line of ``juju debug-log``."""
    return f"{line.entity}: {line.time:%H:%M:%S} {line.level} {line.module} {line.message}"
