"""The directive ``localjuju-verbs``: what localjuju's `juju` takes, from its own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

from localjuju.cli import verbs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


class LocaljujuVerbs(SphinxDirective):
    """List the verbs and their options."""

    def run(self) -> list[nodes.Node]:
        """Return the tables: Juju's verbs, then those that localjuju alone has."""
        self.env.note_dependency(verbs.__file__)
        return self.parse_text_to_nodes("\n".join(described()), allow_section_headings=True)


def described() -> Iterator[str]:
    """Yield the reference as lines of Markdown."""
    local = {name: verb for name, verb in verbs.VERBS.items() if name.startswith("local ")}
    yield from ("## Juju's verbs", "")
    yield from _table({name: verb for name, verb in verbs.VERBS.items() if name not in local})
    yield from ("", "Other spellings are taken too:", "")
    for other, name in verbs.OTHER_SPELLINGS.items():
        yield f"- `{other}` is `{name}`"
    yield from ("", "## Its own", "")
    yield from _table(local)


def _table(listed: dict[str, verbs.Verb]) -> Iterator[str]:
    yield from ("| verb | options |", "|---|---|")
    for verb in listed.values():
        usage = verb.usage.replace("|", r"\|")
        spellings = [spelling for flag in verb.all_flags for spelling in flag.spellings]
        options = " ".join(f"`{spelling}`" for spelling in spellings)
        yield f"| `{usage}` | {options} |"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Make the directive known."""
    app.add_directive("localjuju-verbs", LocaljujuVerbs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
