"""``relation-*`` and ``network-get``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localjuju.flags import Flag, UsageError
from localjuju.model import JujuError

from . import texts
from .registry import FORMAT, NOTHING, Call, tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .context import HookContext

RELATION = Flag("relation", short="r")
APP = Flag("app", "bool")


def relation_id(call: Call) -> int:
    """Return the relation that a call is about: by ``-r``, or the hook's own.

    Raises:
        UsageError: If there is none.
    """
    context = call.context
    if not call.options.given("relation"):
        if context.hook is None or context.hook.relation_id is None:
            raise UsageError("no relation id specified")
        return context.hook.relation_id
    text = call.options.last("relation")
    name, _, number = text.rpartition(":")
    if not number.isdigit():
        raise UsageError(f'invalid value "{text}" for option -r: invalid relation id')
    known = int(number) in context.unit.views and int(number) in context.model.relations
    if not known or name not in {"", context.sides(int(number))[0].endpoint.name}:
        raise UsageError(f'invalid value "{text}" for option -r: relation not found')
    return int(number)


@tool("relation-ids", FORMAT)
def relation_ids(call: Call) -> list[str]:
    """The relations of an endpoint."""
    call.only(1)
    hook = call.context.hook
    if not call.args and (hook is None or not hook.endpoint):
        raise UsageError("no endpoint name specified")
    name = call.args[0] if call.args else hook.endpoint if hook else ""
    return [
        f"{name}:{number}"
        for number in sorted(call.context.unit.views)
        if number in call.context.model.relations
        and call.context.sides(number)[0].endpoint.name == name
    ]


@tool("relation-list", RELATION, APP, FORMAT)
def relation_list(call: Call) -> list[str] | str:
    """The remote units that have joined, or the remote application."""
    call.only(0)
    number = relation_id(call)
    _, theirs = call.context.sides(number)
    if call.options.on("app"):
        return theirs.seen_as
    return [theirs.name_of(member) for member in sorted(call.context.unit.views[number].members)]


@tool("relation-get", RELATION, APP, FORMAT)
def relation_get(call: Call) -> Any:
    """Settings of a unit or an application in a relation."""
    number = relation_id(call)
    call.only(2)
    key = call.args[0] if call.args else "-"
    who = call.args[1] if len(call.args) > 1 else _about(call.context, number)
    if not who:
        raise UsageError("no unit or application specified")
    settings: Mapping[str, str] = {}
    if call.options.on("app"):
        settings = _of_application(call.context, number, who.partition("/")[0])
    elif "/" in who:
        settings = _of_unit(call.context, number, who)
    elif who in call.args:
        raise UsageError(f'expected unit name, got application name "{who}"')
    # Else it is a hook about the application alone: there is no unit to read.
    return dict(sorted(settings.items())) if key in {"-", ""} else settings.get(key)


def _about(context: HookContext, number: int) -> str:
    """The remote unit, or else application, that a hook of this relation is about."""
    hook = context.hook
    if hook is None or hook.relation_id != number:
        return ""
    return hook.remote_unit or hook.remote_app


def _of_application(context: HookContext, number: int, name: str) -> Mapping[str, str]:
    _, theirs = context.sides(number)
    if name == context.unit.app:
        # Of a peer relation every unit reads it; of others the leader alone.
        if not (context.is_leader or context.relation(number).is_peer):
            raise JujuError("permission denied")
        return context.databag(number, number=None)
    if name != theirs.seen_as:
        raise JujuError(f'getting application "{name}" not found')
    return theirs.settings.settings


def _of_unit(context: HookContext, number: int, name: str) -> Mapping[str, str]:
    yours, theirs = context.sides(number)
    app, _, digits = name.partition("/")
    side = yours if app == context.unit.app else theirs if app == theirs.seen_as else None
    if side is None or not digits.isdigit() or int(digits) not in {*side.units, *side.left}:
        raise JujuError("relation unit not found")
    if side is yours:
        if int(digits) != context.unit.number and not context.relation(number).is_peer:
            raise JujuError("permission denied")
        return context.databag(number, number=int(digits))
    return (side.units.get(int(digits)) or side.left[int(digits)]).settings


@tool("relation-set", RELATION, APP, Flag("file"), FORMAT)
def relation_set(call: Call) -> object:
    """Write settings of this unit, or (the leader) of its application."""
    number = relation_id(call)
    changes: dict[str, str] = {}
    source = call.options.last("file")
    if source:
        text = call.stdin if source == "-" else call.read_file(source)
        changes.update(texts.mapping(text, "settings"))
    for word in call.args:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f'expected "key=value", got "{word}"')
        changes[key] = value
    call.context.write(number, changes, app=call.options.on("app"))
    return NOTHING


@tool("relation-model-get", RELATION, FORMAT)
def relation_model_get(call: Call) -> dict[str, str]:
    """The model of the other side."""
    call.only(0)
    _, theirs = call.context.sides(relation_id(call))
    return {"uuid": theirs.model}


_ADDRESS_FLAGS = (
    Flag("bind-address", "bool"),
    Flag("ingress-address", "bool"),
    Flag("egress-subnets", "bool"),
)


@tool("network-get", RELATION, FORMAT, *_ADDRESS_FLAGS)
def network_get(call: Call) -> Any:
    """The unit's address, for a binding."""
    if not call.args:
        raise UsageError("no arguments specified")
    call.only(1)
    context = call.context
    if call.args[0] not in context.app.charm.bindings:
        raise JujuError(f'no network config found for binding "{call.args[0]}"')
    address = context.unit.address
    network = {
        "bind-addresses": [
            {
                "mac-address": "",
                "interface-name": "lo",
                "addresses": [{"hostname": address, "value": address, "cidr": "127.0.0.0/8"}],
            }
        ],
        "egress-subnets": [f"{address}/32"],
        "ingress-addresses": [address],
    }
    asked = {
        "bind-address": address,
        "ingress-address": address,
        "egress-subnets": network["egress-subnets"],
    }
    chosen = {name: value for name, value in asked.items() if call.options.on(name)}
    if not chosen:
        return network
    return next(iter(chosen.values())) if len(chosen) == 1 else chosen
