"""A world whose clock the test moves, where demo-requirer's server is noted and never started."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import socket
import tempfile
from typing import TYPE_CHECKING
from unittest import mock

import time_machine

from demo_requirer import supervisor
from demo_requirer.store import Store
from localjuju.inprocess import World
from tests.unit.provider.story import START

if TYPE_CHECKING:
    from collections.abc import Generator


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


@contextlib.contextmanager
def world_in_memory() -> Generator[World]:
    """Yield an empty world, at the beginning of 2030."""
    memory = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        time_machine.travel(START, tick=False) as clock,
        mock.patch.object(supervisor, "for_unit", place_of),
        # No resolver's answer may get into the names that are asked for.
        mock.patch.object(socket, "getfqdn", return_value="host"),
    ):
        yield World(
            pathlib.Path(folder),
            start=START,
            on_move=lambda moment: clock.move_to(moment, tick=False),
        )
