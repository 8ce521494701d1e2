"""The status of a model, in the shape of ``juju status --format json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localjuju import JUJU_VERSION
from localjuju.hooktools.unit_tools import port_order
from localjuju.model import Model, Status, Unit
from localjuju.model.charm import Role

if TYPE_CHECKING:
    import datetime

    from localjuju.model.applications import Application


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
            "life": "dying" if unit.dying else "alive",
        },
        "modification-status": {},
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
