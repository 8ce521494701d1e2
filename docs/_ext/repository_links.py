"""Links of Markdown files to files of the repository, as its host shows them.

In the built pages, such a link leads to the page that is made of the file, where there is one. A
link to any other file is its text, with the file's path: it has no address that would be known
here. A link to what does not exist is left alone, and the build warns of it.
"""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

Link = addnodes.pending_xref | addnodes.download_reference


class RepositoryLinks(SphinxTransform):
    """Lead the links of one page to where their files are shown."""

    default_priority = 400

    def apply(self, **_: object) -> None:
        """Look at each link that Markdown made."""
        for kind in (addnodes.pending_xref, addnodes.download_reference):
            for link in list(self.document.findall(kind)):
                if link.get("reftype") == "myst":
                    self._lead(link)

    def _lead(self, link: Link) -> None:
        path, anchor = self._target(link)
        if path is None:
            return
        page = self._pages().get(path)
        if page is not None:
            link.replace_self(_to_page(link, page, anchor))
        elif path.exists():
            link.replace_self(_with_path(link, path.relative_to(self._root)))

    def _target(self, link: Link) -> tuple[pathlib.Path | None, str | None]:
        """Return the file that a link leads to, and the place in it."""
        target: str = link["reftarget"]
        if link.get("refdomain") == "doc":
            # The parser found the file already: what is left is its name as a page's.
            return _normal(self._docs / f"{target}.md"), link.get("reftargetid")
        written, _, anchor = target.partition("#")
        if not written:
            return None, None
        included = self.config.included_files.get(self.env.docname)
        base = (self._root / included if included else self._docs / self.env.docname).parent
        return _normal(base / written), anchor or None

    def _pages(self) -> dict[pathlib.Path, str]:
        """Return the page that each file is shown on."""
        pages = {self._docs / f"{name}.md": name for name in self.env.found_docs}
        included = self.config.included_files.items()
        return pages | {self._root / source: name for name, source in included}

    @property
    def _docs(self) -> pathlib.Path:
        return pathlib.Path(self.env.srcdir)

    @property
    def _root(self) -> pathlib.Path:
        return self._docs.parent


def _normal(path: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(os.path.normpath(path))


def _to_page(link: Link, page: str, anchor: str | None) -> addnodes.pending_xref:
    attributes = {name: link[name] for name in ("refdoc", "reftype", "refexplicit")}
    made = addnodes.pending_xref(refdomain="doc", reftarget=page, reftargetid=anchor, **attributes)
    made += link.children
    return made


def _with_path(link: Link, path: pathlib.Path) -> nodes.inline:
    shown = nodes.inline(classes=["repository-file"])
    shown += link.children
    if str(path) not in link.astext():
        shown += [nodes.Text(" ("), nodes.literal("", str(path)), nodes.Text(")")]
    return shown


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look at the links of each page that is read."""
    app.add_config_value("included_files", {}, "env", dict)
    app.add_transform(RepositoryLinks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
