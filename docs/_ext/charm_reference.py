"""The directive ``charm-reference``: a charm's endpoints, options and actions, from its recipe.

What an operator reads in the documentation, on Charmhub and from `juju config` is then one text.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import yaml
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_ROLES = ("provides", "requires", "peers")


class CharmReference(SphinxDirective):
    """Describe the charm whose ``charmcraft.yaml`` is given, relative to the repository's root."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the sections: endpoints, options, actions."""
        recipe = pathlib.Path(self.env.srcdir).parent / self.arguments[0]
        self.env.note_dependency(str(recipe))
        charm = yaml.safe_load(recipe.read_text())
        return self.parse_text_to_nodes("\n".join(described(charm)), allow_section_headings=True)


def described(charm: dict[str, Any]) -> Iterator[str]:
    """Yield a charm's reference as lines of Markdown, from its ``charmcraft.yaml``."""
    yield from _endpoints(charm)
    yield from ("## Options", "")
    for name, option in charm["config"]["options"].items():
        yield from _entry(name, _option_facts(option), option["description"])
    yield from ("## Actions", "")
    for name, action in charm["actions"].items():
        yield from _entry(name, "", action["description"])
        yield from _parameters(action)


def _endpoints(charm: dict[str, Any]) -> Iterator[str]:
    yield from ("## Endpoints", "")
    yield from ("| endpoint | role | interface | | for |", "|---|---|---|---|---|")
    for role in _ROLES:
        for name, endpoint in charm.get(role, {}).items():
            optional = "optional" if endpoint["optional"] else "needed"
            if "limit" in endpoint:
                optional += f", at most {endpoint['limit']}"
            purpose = " ".join(endpoint["description"].split())
            yield f"| `{name}` | {role} | `{endpoint['interface']}` | {optional} | {purpose} |"
    yield ""


def _option_facts(option: dict[str, Any]) -> str:
    default = option.get("default")
    if default is None or default == "":
        return f"{option['type']}, empty by default"
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{option['type']}, by default `{text}`"


def _parameters(action: dict[str, Any]) -> Iterator[str]:
    needed = action.get("required", [])
    for name, schema in action.get("params", {}).items():
        facts = [schema["type"], "needed" if name in needed else "optional"]
        if "enum" in schema:
            facts.append("one of " + ", ".join(f"`{value}`" for value in schema["enum"]))
        description = " ".join(schema["description"].split())
        yield from (f"`{name}`", f": *{', '.join(facts)}.* {description}", "")


def _entry(name: str, facts: str, description: str) -> Iterator[str]:
    yield from (f"### `{name}`", "")
    if facts:
        yield from (f"*{facts}*", "")
    yield from (description.strip(), "")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Make the directive known."""
    app.add_directive("charm-reference", CharmReference)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
