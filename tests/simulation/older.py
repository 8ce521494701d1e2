"""Charms of the library's third version, which real models still have beside ours."""

from __future__ import annotations

import functools
import importlib.util
import pathlib
import sys
from typing import TYPE_CHECKING

import yaml

from . import looks

if TYPE_CHECKING:
    import ops

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def charm_class(layer: str) -> type[ops.CharmBase]:
    """Return the charm's class of a layer in `tests/charms`."""
    source = ROOT / "tests" / "charms" / layer / "src"
    spec = importlib.util.spec_from_file_location(layer.replace("-", "_"), source / "charm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where pydantic looks for what a model's annotations name.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(source))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(source))
    return getattr(
        module, {"v3-requirer": "V3RequirerCharm", "v3-provider": "V3ProviderCharm"}[layer]
    )


def charm_folder(layer: str, where: pathlib.Path) -> pathlib.Path:
    """Return a folder with the charm's metadata, which say that it is an old version."""
    folder = where / layer
    if not folder.exists():
        over = (ROOT / "tests" / "charms" / layer / "over").read_text().strip()
        whole = yaml.load(_text(over), Loader=yaml.CSafeLoader)
        folder.mkdir(parents=True)
        whole["summary"] = looks.OLDER
        (folder / "charmcraft.yaml").write_text(yaml.dump(whole))
    return folder


@functools.cache
def _text(charm: str) -> str:
    return (ROOT / "charms" / charm / "charmcraft.yaml").read_text()
