"""What a charm says about itself: its endpoints, options and actions, parsed from its YAML."""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from .errors import JujuError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*")
"""The form of names of charms and applications."""

FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""The form of numbers that Go reads, but for hexadecimal ones and those that are none."""

OptionValue = str | int | float | bool


class Role(str, enum.Enum):
    """What an application does at an endpoint."""

    PROVIDER = "provider"
    REQUIRER = "requirer"
    PEER = "peer"


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One entry of a charm's ``requires``, ``provides`` or ``peers``."""

    name: str
    role: Role
    interface: str
    limit: int | None = None
    """How many relations it may have, or None for any number."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One entry of a charm's ``config``."""

    name: str
    type: Literal["string", "int", "float", "boolean", "secret"]
    default: OptionValue | None = None
    description: str = ""

    def parse(self, text: str) -> OptionValue:
        """Return *text*, from a command line, as this option's type.

        Raises:
            JujuError: With the words that ``juju config`` has for it.
        """
        if self.type == "int":
            if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(2**63) <= int(text) < 2**63:
                raise JujuError(f'option "{self.name}" expected int, got "{text}"')
            return int(text)
        if self.type == "float":
            # Neither infinite nor no number at all: neither can be told in JSON.
            if not FLOAT.fullmatch(text) or not math.isfinite(float(text)):
                raise JujuError(f'option "{self.name}" expected float, got "{text}"')
            return float(text)
        if self.type == "boolean":
            # What Go's strconv.ParseBool takes.
            if text in {"1", "t", "T", "true", "TRUE", "True"}:
                return True
            if text in {"0", "f", "F", "false", "FALSE", "False"}:
                return False
            raise JujuError(f'option "{self.name}" expected boolean, got "{text}"')
        if (
            self.type == "secret"
            and text
            and not re.fullmatch(r"secret:(//[^/]+/)?[0-9a-v]{20}", text)
        ):
            raise JujuError(
                f'invalid secret URI for option "{self.name}": secret URI "{text}" not valid'
            )
        return text


@dataclasses.dataclass(frozen=True)
class Action:
    """One entry of a charm's ``actions``."""

    name: str
    description: str
    schema: Mapping[str, Any]
    """JSON schema of its parameters."""

    def why_refused(self, parameters: Mapping[str, Any]) -> str | None:
        """Return what is wrong with *parameters*, or None."""
        # Large, and wanted by nobody but those who run actions.
        import jsonschema  # noqa: PLC0415

        validator = jsonschema.Draft7Validator(dict(self.schema))
        for problem in validator.iter_errors(dict(parameters)):  # pyright: ignore[reportUnknownMemberType]
            where = ".".join(["(root)", *(str(step) for step in problem.absolute_path)])
            return (
                f'cannot run "{self.name}" action: validation failed: {where} : {problem.message}'
            )
        return None


@dataclasses.dataclass(frozen=True)
class Charm:
    """A charm as its metadata describes it. Its files are the agent's business."""

    name: str
    summary: str
    description: str
    endpoints: Mapping[str, Endpoint]
    options: Mapping[str, Option]
    actions: Mapping[str, Action]
    resources: frozenset[str]
    extra_bindings: frozenset[str]
    bases: tuple[str, ...]
    """Such as ``ubuntu@24.04``, from what the charm was packed for; empty when it does not say."""

    @property
    def bindings(self) -> list[str]:
        """The names that ``network-get`` knows, in order."""
        return sorted({*self.endpoints, *self.extra_bindings, "juju-info"})

    @property
    def peers(self) -> tuple[Endpoint, ...]:
        """Its peer endpoints."""
        return tuple(e for e in self.endpoints.values() if e.role is Role.PEER)


_SECTIONS = {"provides": Role.PROVIDER, "requires": Role.REQUIRER, "peers": Role.PEER}


def parse_charm(
    metadata: Any, config: Any = None, actions: Any = None, manifest: Any = None
) -> Charm:
    """Return the charm that these documents (already read from YAML) describe.

    Args:
        metadata: ``metadata.yaml``, or a ``charmcraft.yaml`` that holds everything.
        config: ``config.yaml`` of a packed charm.
        actions: ``actions.yaml`` of a packed charm.
        manifest: ``manifest.yaml``, where charmcraft says what the charm was packed for.

    Raises:
        JujuError: If it is not a charm, or one that localjuju cannot run.
    """
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):  # pyright: ignore[reportUnknownMemberType]
        raise JujuError("not a charm: its metadata has no name")
    data = cast("Mapping[str, Any]", metadata)
    name = str(data["name"])
    if not NAME.fullmatch(name):
        raise JujuError(f'"{name}" is not a valid charm name')
    if data.get("subordinate"):
        raise JujuError(f'localjuju has no subordinate charms, and "{name}" is one')
    if data.get("containers"):
        raise JujuError(
            f'localjuju has no containers, and charm "{name}" wants: '
            + ", ".join(_mapping(data, "containers"))
        )
    if data.get("storage"):
        raise JujuError(
            f'localjuju has no storage, and charm "{name}" wants: '
            + ", ".join(_mapping(data, "storage"))
        )
    return Charm(
        name=name,
        summary=str(data.get("summary") or ""),
        description=str(data.get("description") or ""),
        endpoints=_endpoints(data),
        options=_options(config if config is not None else data.get("config")),
        actions=_actions(actions if actions is not None else data.get("actions")),
        resources=frozenset(_mapping(data, "resources")),
        extra_bindings=frozenset(_mapping(data, "extra-bindings")),
        bases=_bases(manifest),
    )


def _mapping(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value: Any = data.get(key) or {}
    if not isinstance(value, Mapping):
        raise JujuError(f"not a charm: {key} in its metadata is not a mapping")
    return {str(name): entry for name, entry in cast("Mapping[Any, Any]", value).items()}


def _endpoints(data: Mapping[str, Any]) -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = {}
    for section, role in _SECTIONS.items():
        for name, entry in _mapping(data, section).items():
            if not isinstance(entry, Mapping) or not entry.get("interface"):  # pyright: ignore[reportUnknownMemberType]
                raise JujuError(f'not a charm: endpoint "{name}" has no interface')
            body = cast("Mapping[str, Any]", entry)
            if body.get("scope") == "container":
                raise JujuError(
                    f'localjuju has no subordinate charms, and endpoint "{name}" is for one'
                )
            if name in endpoints:
                raise JujuError(f'not a charm: endpoint "{name}" is there twice')
            limit = body.get("limit")
            endpoints[name] = Endpoint(
                name, role, str(body["interface"]), int(limit) if limit else None
            )
    return endpoints


def _options(config: Any) -> dict[str, Option]:
    options: dict[str, Option] = {}
    for name, body in _mapping(_mapping({"config": config}, "config"), "options").items():
        kind = body.get("type", "string")
        if kind not in {"string", "int", "float", "boolean", "secret"}:
            raise JujuError(f'not a charm: option "{name}" has unknown type "{kind}"')
        default = body.get("default")
        if default is not None and not _is_of_type(default, kind):
            raise JujuError(
                f'invalid config default: option "{name}" expected {kind}, got {default!r}'
            )
        options[name] = Option(name, kind, default, str(body.get("description") or ""))
    return options


def _is_of_type(default: object, kind: str) -> bool:
    if kind == "boolean" or isinstance(default, bool):
        return kind == "boolean" and isinstance(default, bool)
    if kind == "int":
        return isinstance(default, int)
    if kind == "float":
        return isinstance(default, (int, float)) and math.isfinite(default)
    return isinstance(default, str)


def _actions(actions: Any) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for name, body in _mapping({"actions": actions}, "actions").items():
        entry = cast("dict[str, Any]", body or {})
        description = str(entry.get("description") or "No description")
        schema: dict[str, Any] = {
            "title": name,
            "description": description,
            "type": "object",
            "properties": entry.get("params") or {},
            **({"required": entry["required"]} if entry.get("required") else {}),
            # Juju 4.0 takes no parameter that the charm does not name, unless it says so.
            "additionalProperties": bool(entry.get("additionalProperties", False)),
        }
        found[name] = Action(name, description, schema)
    return found


def _bases(manifest: Any) -> tuple[str, ...]:
    if not isinstance(manifest, Mapping):
        return ()
    bases = cast("Mapping[str, Any]", manifest).get("bases") or ()
    return tuple(f"{base['name']}@{base['channel']}" for base in bases)
