"""Refreshes that were asked of a real Juju, asked again here: what is taken, refused and kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .conftest import at_rest
from .player import FACTS
from .test_recorded_verbs import DISPATCH
from .test_replays import replay

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .conftest import CommandLine

OPTIONS: dict[str, dict[str, Any]] = {
    name: {"type": "string", "default": default, "description": description}
    for name, default, description in (
        ("strdef", "hello", "a string"),
        ("status", "", "status to set"),
        ("fail-hook", "", "hook that exits 1"),
    )
}
"""What both versions of the charm have."""

OLD_OPTIONS = {
    "dflt": {"type": "string", "default": "old-default", "description": "default changes"},
    "oldopt": {"type": "string", "default": "old", "description": "removed later"},
    "oldset": {"type": "string", "default": "old", "description": "set and removed later"},
    "typ": {"type": "int", "default": 1, "description": "type changes later"},
    "typset": {"type": "int", "default": 1, "description": "set and type changes later"},
}
NEW_OPTIONS = {
    "dflt": {"type": "string", "default": "new-default", "description": "default changes"},
    "newnodef": {"type": "string", "description": "new without default"},
    "newopt": {"type": "string", "default": "fresh", "description": "new"},
    "typ": {"type": "string", "default": "one", "description": "type changes later"},
    "typset": {"type": "string", "default": "one", "description": "set and type changes later"},
}

MAKES_FILES = """#!/bin/sh
if [ "$JUJU_DISPATCH_PATH" = hooks/install ]; then
    touch made-by-charm.txt d/made-in-charm-dir
    mkdir made-dir && touch made-dir/f
    echo changed by the charm >> keep.txt
fi
"""
"""Begins what the recorded charm did with its folder."""

OLD_FILES = {"keep.txt": "v1\n", "d/gone.txt": "", "dir/old2.txt": "", "old.txt": ""}
NEW_FILES = {
    "keep.txt": "v2\n",
    "made-dir-not": "",
    "nd/x": "",  # codespell:ignore nd
    "new.txt": "",
}
BOTH_FILES = {"d/keep.txt": "", "emptied-f": ""}

PROVIDES = {"newprov": {"interface": "probedb"}}
REQUIRES = {"newreq": {"interface": "new"}}
PEERS = {"peer2": {"interface": "peer2"}}


@pytest.fixture(scope="module")
def charms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded charms by the names of their files, without the letter before the dash."""
    folder = tmp_path_factory.mktemp("charms")
    new = {**NEW_FILES, **BOTH_FILES}
    _charm(folder / "probe", "probe", OLD_OPTIONS, {**OLD_FILES, **BOTH_FILES})
    (folder / "probe" / "link-gone").symlink_to("keep.txt")
    _charm(folder / "probe2", "probe", NEW_OPTIONS, new)
    added = {"provides": PROVIDES, "requires": REQUIRES}
    for name in ("probe3", "probe5"):
        _charm(folder / name, "probe", NEW_OPTIONS, new, {**added, "peers": PEERS})
    _charm(folder / "probe4", "probe", NEW_OPTIONS, new, added)
    _charm(folder / "client", "client", {}, {})
    for name, more in (
        ("a", {}),
        ("b", {"requires": REQUIRES}),
        ("c", {"peers": PEERS}),
        ("d", {"provides": PROVIDES}),
    ):
        _charm(folder / name, "client", {}, {}, more)
    return folder


def _charm(
    folder: Path,
    name: str,
    options: Mapping[str, Any],
    files: Mapping[str, str],
    endpoints: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write a recorded charm with other options, files, and more endpoints."""
    shutil.copytree(FACTS / "charms" / name, folder)
    metadata = yaml.safe_load((folder / "metadata.yaml").read_text())
    for section, more in (endpoints or {}).items():
        metadata[section] = {**metadata.get(section, {}), **more}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    (folder / "config.yaml").write_text(yaml.safe_dump({"options": {**OPTIONS, **options}}))
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    (folder / "dispatch").write_text(
        MAKES_FILES + DISPATCH.removeprefix("#!/bin/sh\n") if files else DISPATCH
    )
    (folder / "dispatch").chmod(0o755)


def test_refreshes(juju: CommandLine, model: str, charms: Path) -> None:
    """Versions both ways, another charm, new endpoints: files, options, words, exit statuses."""
    juju.well(f"deploy {charms}/probe rp -n 2")
    juju.wait(at_rest, model)
    assert replay(juju, charms, "replay_refresh.json", (model,)) == {}


def test_endpoint_in_use(juju: CommandLine, model: str, charms: Path) -> None:
    """A charm that has lost an endpoint that is related is refused; it has an address for each."""
    juju.well(f"deploy {charms}/d client")
    juju.well(f"deploy {charms}/c cc")
    juju.wait(at_rest, model)
    assert replay(juju, charms, "replay_gone.json", (model,)) == {}
