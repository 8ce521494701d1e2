"""Drawings (SVG) stand in the page itself, so that they follow the theme that its reader chose.

An image of its own can follow the reader's system alone: that is what the repository's host shows.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


class Drawings(SphinxPostTransform):
    """Put the drawings of one page into it."""

    default_priority = 200
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Replace each image that is a drawing of ours."""
        for image in list(self.document.findall(nodes.image)):
            file = pathlib.Path(self.env.srcdir) / image["uri"]
            if file.suffix == ".svg" and file.is_file():
                drawn = f'<div class="drawing">{file.read_text()}</div>'
                image.replace_self(nodes.raw("", drawn, format="html"))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look at the images of each page that is written."""
    app.add_post_transform(Drawings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
