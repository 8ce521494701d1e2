"""Charms that are another charm with some of its sources replaced: see tests/charms/README.md."""

from __future__ import annotations

import shutil
import stat
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

OVER = "over"
"""The file in a layer's folder that names the charm it goes over."""


def lay_over(charm: pathlib.Path, layer: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Return *charm* with the sources of *layer* over its own.

    Args:
        charm: A charm's folder, or a packed charm, and the result is of the same kind. A packed
            one keeps its dependencies and whatever machine it was packed for.
        layer: A folder with `src/`.
        folder: Where the result is put.
    """
    if charm.is_dir():
        target = folder / layer.name
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(charm, target, ignore=ignore)
        shutil.copytree(layer / "src", target / "src", ignore=ignore, dirs_exist_ok=True)
        return target
    target = folder / f"{layer.name}.charm"
    sources = {
        source.relative_to(layer).as_posix(): source.read_bytes()
        for source in sorted((layer / "src").rglob("*.py"))
    }
    with zipfile.ZipFile(charm) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item, sources.pop(item.filename, None) or old.read(item))
        for name, text in sources.items():
            item = zipfile.ZipInfo(name)
            item.external_attr = (stat.S_IFREG | 0o644) << 16
            new.writestr(item, text, zipfile.ZIP_DEFLATED)
    return target
