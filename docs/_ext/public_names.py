"""The library's public names: references to them, and those that the reference would forget.

The library's classes live in private modules and are public in the package: annotations name the
former, readers know the latter.
"""

from __future__ import annotations

import inspect
import pathlib
import re
from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

from charmlibs.interfaces import tls_certificates

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

_PACKAGE = "charmlibs.interfaces.tls_certificates"
# As an annotation has it, whole or relative to the package: `_x509.Certificate`.
_PRIVATE = re.compile(rf"^(?:{re.escape(_PACKAGE)}\.)?_[a-z0-9_]+\.(?P<name>[A-Z]\w*)$")


def public_name(target: str) -> str | None:
    """Return the public name of what *target* names, or None if it is not one of ours."""
    found = _PRIVATE.match(target)
    return f"{_PACKAGE}.{found['name']}" if found else None


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.reference | None:
    name = public_name(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or name is None:
        return None
    python = env.domains["py"]
    for kind in ("class", "exc", "obj"):
        found = python.resolve_xref(env, node["refdoc"], app.builder, kind, name, node, contnode)
        if found is not None:
            return found
    return None


class OtherPublicNames(SphinxDirective):
    """Describe, under a heading of their own, the public names that the page has not described."""

    def run(self) -> list[nodes.Node]:
        """Return the section; nothing if the page has them all."""
        page = pathlib.Path(self.env.doc2path(self.env.docname)).read_text()
        described = set(re.findall(r"^\.\. auto\w+:: (\w+)$", page, re.MULTILINE))
        others = [name for name in tls_certificates.__all__ if name not in described]
        if not others:
            return []
        lines = ["## And", "", "```{eval-rst}"]
        for name in others:
            kind = "class" if inspect.isclass(getattr(tls_certificates, name)) else "function"
            lines.append(f".. auto{kind}:: {_PACKAGE}.{name}")
        return self.parse_text_to_nodes("\n".join([*lines, "```"]), allow_section_headings=True)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look such references up, and make the directive known."""
    app.add_directive("other-public-names", OtherPublicNames)
    app.connect("missing-reference", _resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
