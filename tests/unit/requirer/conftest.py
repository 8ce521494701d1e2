"""What the requirer's tests share: an authority, pairs of its making, and a running server."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from demo_requirer.pairs import Pair, make_pair
from demo_requirer.store import Content, Store
from demo_requirer.supervisor import Listen
from demo_requirer.supervisor.detached import DetachedSupervisor
from tests.unit.requirer.authority import Authority, Leaf

if TYPE_CHECKING:
    import datetime
    import pathlib
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.root()


def pair_of(leaf: Leaf, slot: str = "unit web", renewal: datetime.datetime | None = None) -> Pair:
    return make_pair(slot, leaf.chain, leaf.key, renewal)


def content_of(*pairs: Pair, notice: str = "") -> Content:
    return Content("web/0", notice=notice, pairs=pairs)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class RunningServer:
    """A real server process with its store, as the charm runs it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.supervisor = DetachedSupervisor(folder)
        self.store: Store = self.supervisor.make_store()
        self.listen = Listen("127.0.0.1", free_port())

    def start(self, *, renew: bool = False) -> None:
        self.supervisor.ensure(self.listen, renew=renew)

    def log(self) -> str:
        return (self.supervisor.folder / "server.log").read_text()


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path / "unit")
    try:
        yield running
    finally:
        running.supervisor.remove()
