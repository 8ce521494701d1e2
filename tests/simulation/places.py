"""Where demo-requirer's server would listen: noted, and never started."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from demo_requirer.store import Store

if TYPE_CHECKING:
    import pathlib

    from demo_requirer import supervisor


class Place:
    """A `Supervisor` that asserts its contract, and notes where it would listen.

    What a server would present is what stands in the store, on disk.
    """

    def __init__(self, unit: str, folder: pathlib.Path) -> None:
        self.folder = folder
        self._unit = unit
        self._note = folder / "listens.json"
        self._removed = folder.with_name(f"{folder.name}-removed")

    def make_store(self) -> Store:
        assert not self._removed.exists(), f"the store of {self._unit}, removed, is made again"
        self.folder.mkdir(mode=0o700, exist_ok=True, parents=True)
        return Store(self.folder / "store")

    def ensure(self, listen: supervisor.Listen, *, renew: bool = False) -> None:
        del renew
        assert not self._removed.exists(), f"the server of {self._unit}, removed, is started"
        assert Store(self.folder / "store").read() is not None, "a server without a store"
        assert listen.address.startswith("127.99."), listen
        assert 1 <= listen.port <= 65535, listen
        text = json.dumps([listen.address, listen.port])
        if not self._note.exists() or self._note.read_text() != text:
            self._note.write_text(text)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._removed.touch()


def place_of(unit_name: str, charm_folder: pathlib.Path) -> Place:
    """Stand in for `supervisor.for_unit`."""
    return Place(unit_name, charm_folder.parent / f"{unit_name.replace('/', '-')}-server")
