"""How hook tools print: JSON and YAML as Go writes them, and Juju's "smart" form."""

from __future__ import annotations

import json
from typing import Any, cast

import yaml


def as_json(value: Any) -> str:
    """Return *value* as Go's encoder writes it: compact, and safe inside HTML."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


class _GoDumper(yaml.SafeDumper):
    """Writes text as Go's YAML does: double quotes where it needs any, blocks for lines."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = yaml.SafeDumper("").resolve(yaml.ScalarNode, text, (True, False))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportArgumentType]
    style = "|" if "\n" in text.rstrip("\n") or text.endswith("\n") else None
    if style is None and plain != "tag:yaml.org,2002:str":
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # pyright: ignore[reportUnknownMemberType]


_GoDumper.add_representer(str, _text)


def as_yaml(value: Any) -> str:
    """Return *value* as YAML, without the document's end that PyYAML puts after plain values."""
    text = yaml.dump(
        value, Dumper=_GoDumper, default_flow_style=False, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").rstrip("\n")


def smart(value: Any) -> str:
    """Return *value* for a reader: text as it is, lists by line, the rest as YAML."""
    if value is None:
        return ""
    if isinstance(value, bool):
        # Juju has it so: True and False.
        return str(value)
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, list) and all(isinstance(v, str) for v in cast("list[Any]", value)):
        return "\n".join(cast("list[str]", value))
    return as_yaml(value)


def show(value: Any, form: str) -> str:
    """Return *value* in the form of ``--format``, with a line's end unless it is empty."""
    text = {"json": as_json, "yaml": as_yaml}.get(form, smart)(value)
    return f"{text}\n" if text else ""
