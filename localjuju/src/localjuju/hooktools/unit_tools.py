"""Status, configuration, leadership, ports, state, logs and the other tools about the unit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localjuju.flags import Flag, UsageError
from localjuju.model import JujuError, Status

from . import texts
from .registry import FORMAT, NOTHING, Call, tool

if TYPE_CHECKING:
    import datetime

SETTABLE = ("maintenance", "blocked", "waiting", "active")
APPLICATION = Flag("application", "bool")
HIGHEST_PORT = 65535
LEVELS = {"TRACE", "DEBUG", "INFO", "WARNING", "ERROR"}


@tool("is-leader", FORMAT)
def is_leader(call: Call) -> bool:
    """Whether the unit leads."""
    call.only(0)
    return call.context.is_leader


@tool("config-get", Flag("all", "bool", short="a"), FORMAT)
def config_get(call: Call) -> Any:
    """The charm's configuration."""
    call.only(1)
    values = call.context.app.effective_config()
    if call.args and call.args[0] != "-":
        return values.get(call.args[0])
    return dict(sorted(values.items()))


@tool("status-set", APPLICATION)
def status_set(call: Call) -> object:
    """Say how the unit, or (the leader) the application, is; seen at once."""
    if not call.args:
        raise UsageError("invalid args, require <status> [message]")
    call.only(2)
    if call.args[0] not in SETTABLE:
        raise UsageError(
            f'invalid status "{call.args[0]}", expected one of [{" ".join(SETTABLE)}]'
        )
    context = call.context
    message = call.args[1] if len(call.args) > 1 else ""
    status = Status(call.args[0], message, context.clock())
    if call.options.on("application"):
        if not context.is_leader:
            raise JujuError("this unit is not the leader")
        context.app.status = status
    else:
        context.unit.workload = status
        context.unit.status_was_set = True
    return NOTHING


@tool("status-get", APPLICATION, Flag("include-data", "bool"), FORMAT)
def status_get(call: Call) -> dict[str, Any]:
    """What was said with ``status-set``."""
    call.only(0)
    context = call.context
    if not call.options.on("application"):
        context.status_read = context.status_read or context.unit.workload
        full = _status(context.status_read)
        return full if call.options.on("include-data") else {"status": full["status"]}
    if not context.is_leader:
        raise JujuError("finding application status: this unit is not the leader")
    units = {u.name: _status(u.workload) for _, u in sorted(context.app.units.items())}
    status = context.app.status or context.unit.workload
    return {"application-status": {**_status(status), "units": units}}


def _status(status: Status) -> dict[str, Any]:
    return {"message": status.message, "status": status.current, "status-data": {}}


@tool("goal-state", FORMAT)
def goal_state(call: Call) -> dict[str, Any]:
    """The units and relations that there are to be."""
    call.only(0)
    context, model = call.context, call.context.model
    relations: dict[str, dict[str, Any]] = {}
    for relation in model.relations_of(context.unit.app):
        yours = relation.side_of(model.uuid, context.unit.app)
        theirs = relation.other(yours)
        # Who took an offer Juju does not say; nor which units an offer has that was taken.
        is_given = relation.is_cross_model and theirs.seen_as not in model.saas
        if relation.is_peer or relation.dying or is_given:
            continue
        app = model.models[theirs.model].applications[theirs.app]
        found = relations.setdefault(yours.endpoint.name, {})
        found[theirs.seen_as] = {"status": "joined", "since": _since(app.since)}
        if not relation.is_cross_model:
            found.update(_goals(app.units.values()))
    return {"units": _goals(context.app.units.values()), "relations": relations}


def _goals(units: Any) -> dict[str, dict[str, str]]:
    return {
        unit.name: {
            "status": "dying" if unit.dying else unit.workload.current,
            "since": _since(unit.workload.since),
        }
        for unit in sorted(units, key=lambda unit: unit.number)
    }


def _since(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


@tool("application-version-set")
def application_version_set(call: Call) -> object:
    """Say which version of the workload runs."""
    call.only(1)
    if not call.args:
        raise UsageError("no version specified")
    call.context.app.version = call.args[0]
    return NOTHING


@tool("juju-log", Flag("log-level", short="l"), Flag("debug", "bool"), Flag("format"))
def juju_log(call: Call) -> object:
    """Write a line to the debug log; seen at once."""
    if not call.args:
        raise UsageError("no message specified")
    level = "DEBUG" if call.options.on("debug") else call.options.last("log-level", "INFO").upper()
    context = call.context
    about = ""
    if context.hook is not None and context.hook.relation_id is not None:
        about = f"{context.hook.endpoint}:{context.hook.relation_id}: "
    context.model.note(
        context.clock(),
        context.unit.tag,
        level if level in LEVELS else "INFO",
        f"unit.{context.unit.name}.juju-log",
        about + " ".join(call.args),
    )
    return NOTHING


@tool("unit-get", FORMAT)
def unit_get(call: Call) -> str:
    """The unit's address."""
    call.only(1)
    if not call.args:
        raise UsageError("no setting specified")
    if call.args[0] not in {"private-address", "public-address"}:
        raise UsageError(f'unknown setting "{call.args[0]}"')
    return call.context.unit.address


# Ports.


def _port(words: list[str]) -> str:
    if not words:
        raise UsageError("no port or range specified")
    text = words[0].lower()
    if text == "icmp":
        return text
    found = re.fullmatch(r"(\d+)(?:-(\d+))?(?:/(tcp|udp))?", text)
    if not found:
        raise UsageError(
            f'expected <port>[/<protocol>] or <from>-<to>[/<protocol>] or icmp; got "{text}"'
        )
    low, high = int(found[1]), int(found[2] or found[1])
    if not 0 < low <= high <= HIGHEST_PORT:
        raise UsageError(f"port range bounds must be between 0 and 65535, got {low}-{high}")
    return f"{low}-{high}/{found[3] or 'tcp'}" if found[2] else f"{low}/{found[3] or 'tcp'}"


def port_order(port: str) -> tuple[str, int]:
    """Sort ports as Juju lists them: by protocol, then by number."""
    number, _, protocol = port.partition("/")
    return (protocol, int(number.partition("-")[0])) if protocol else ("", 0)


@tool("open-port", Flag("endpoints"), FORMAT)
def open_port(call: Call) -> object:
    """Open a port or a range."""
    call.context.ports[_port(call.args)] = True
    return NOTHING


@tool("close-port", Flag("endpoints"), FORMAT)
def close_port(call: Call) -> object:
    """Close a port or a range."""
    call.context.ports[_port(call.args)] = False
    return NOTHING


@tool("opened-ports", Flag("endpoints", "bool"), FORMAT)
def opened_ports(call: Call) -> list[str]:
    """The ports that are open."""
    pending = call.context.ports
    ports = {p for p in {*call.context.unit.ports, *pending} if pending.get(p, True)}
    suffix = " (*)" if call.options.on("endpoints") else ""
    return [port + suffix for port in sorted(ports, key=port_order)]


# State that Juju keeps for a charm.


@tool("state-get", FORMAT)
def state_get(call: Call) -> Any:
    """What ``state-set`` kept."""
    call.only(1)
    merged = {**call.context.unit.state, **call.context.state}
    state = {key: value for key, value in sorted(merged.items()) if value is not None}
    if call.args and call.args[0] != "-":
        return state.get(call.args[0], "")
    if not state:
        return None if call.options.last("format") == "json" else {}
    return state


@tool("state-set", Flag("file"))
def state_set(call: Call) -> object:
    """Keep values for the charm."""
    source = call.options.last("file")
    if source:
        text = call.stdin if source == "-" else call.read_file(source)
        call.context.state.update(texts.mapping(text, "state"))
    for word in call.args:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f'expected "key=value", got "{word}"')
        call.context.state[key] = value
    return NOTHING


@tool("state-delete")
def state_delete(call: Call) -> object:
    """Forget a value."""
    call.only(1)
    if call.args:
        call.context.state[call.args[0]] = None
    return NOTHING


# What a machine or a cloud would have.


@tool("resource-get")
def resource_get(call: Call) -> str:
    """The path of an attached resource."""
    call.only(1)
    name = call.args[0] if call.args else ""
    if name not in call.context.app.resources:
        raise JujuError(f'could not download resource: resource "{name}" not found')
    return call.context.app.resources[name]


@tool("storage-list", FORMAT)
def storage_list(call: Call) -> list[str]:
    """Storage: there is none."""
    call.only(1)
    return []


@tool("storage-get", Flag("s"), FORMAT)
def storage_get(call: Call) -> object:
    """Storage: there is none."""
    call.only(1)
    raise UsageError("no storage instance specified")


@tool("credential-get", FORMAT)
def credential_get(call: Call) -> object:
    """Cloud credentials: there is no cloud."""
    call.only(0)
    raise JujuError("cannot access cloud credentials: permission denied")


@tool("juju-reboot", Flag("now", "bool"))
def juju_reboot(call: Call) -> object:
    """Refused: there is no machine of the unit's own."""
    call.only(0)
    raise JujuError("localjuju has no machine to reboot")
