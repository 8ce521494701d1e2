"""How hook tools print: JSON and YAML as Go writes them, and Juju's "smart" form."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def as_json(value: Any) -> str:
    """Return *value* as Go's encoder writes it: compact, and safe inside HTML."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def as_yaml(value: Any) -> str:
    """Return *value* as Go's YAML writes it: double quotes where any are needed."""
    # The command line prints JSON or tables most of the time, and starts faster without.
    import yaml  # noqa: PLC0415

    class GoDumper(yaml.SafeDumper):
        """With Go's choice of quotes: text that looks like a time has none."""

    GoDumper.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if not pair[0].endswith(":timestamp")]
        for first, pairs in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        plain: Any = dumper.resolve(yaml.ScalarNode, value, (True, False))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        style = None if plain == "tag:yaml.org,2002:str" else '"'
        style = "|" if "\n" in value else style
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)  # pyright: ignore[reportUnknownMemberType]

    GoDumper.add_representer(str, text)
    written = yaml.dump(
        value, Dumper=GoDumper, default_flow_style=False, allow_unicode=True, sort_keys=False
    )
    # PyYAML ends a document that is one plain value.
    return written.removesuffix("...\n").rstrip("\n")


def smart(value: Any) -> str:
    """Return *value* for a reader: text as it is, lists by line, the rest as YAML."""
    if value is None:
        return ""
    if isinstance(value, bool):
        # Juju has it so: True and False.
        return str(value)
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, list):
        entries: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        if all(isinstance(entry, str) for entry in entries):
            return "\n".join(entries)
    return as_yaml(value)


def show(value: Any, form: str) -> str:
    """Return *value* in the form of ``--format``, with a line's end unless it is empty."""
    text = {"json": as_json, "yaml": as_yaml}.get(form, smart)(value)
    return f"{text}\n" if text else ""
