"""What the requirer's tests share: an authority, pairs of its making, and a running server."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import yaml
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)
from demo_requirer import supervisor
from demo_requirer.charm import DemoRequirerCharm
from demo_requirer.pairs import Pair, make_pair
from demo_requirer.store import Content, Store
from demo_requirer.supervisor import Listen
from demo_requirer.supervisor.detached import DetachedSupervisor
from tests.unit.requirer import connections
from tests.unit.requirer.authority import Authority, Leaf
from tests.unit.requirer.scene import CHARM, DAYS, Place, Provider, answered, requests, state

if TYPE_CHECKING:
    import datetime
    import pathlib
    from collections.abc import AsyncIterator, Iterator


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


@pytest.fixture
async def closed_connections(server: RunningServer) -> AsyncIterator[None]:
    """Close what a test has opened, before the server ends."""
    del server
    yield
    await connections.close_all()


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Leaf:
    return authority.intermediate().issue("web", "127.0.0.1", number=1)


@pytest.fixture(scope="module")
def successor(authority: Authority) -> Leaf:
    return authority.intermediate().issue("web", "127.0.0.1", number=2)


@pytest.fixture
def serving(server: RunningServer, leaf: Leaf) -> RunningServer:
    """A server that holds one pair."""
    server.store.write(content_of(pair_of(leaf)))
    server.start()
    return server


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path / "files")

    def for_unit(_name: str, _charm_folder: pathlib.Path) -> Place:
        return made

    monkeypatch.setattr(supervisor, "for_unit", for_unit)
    return made


@pytest.fixture
def ctx(place: Place, tmp_path: pathlib.Path) -> testing.Context[DemoRequirerCharm]:
    del place
    recipe = yaml.safe_load((CHARM / "charmcraft.yaml").read_text())
    actions, config = recipe.pop("actions"), recipe.pop("config")
    (tmp_path / "charm").mkdir()
    return testing.Context(
        DemoRequirerCharm,
        meta=recipe,
        actions=actions,
        config=config,
        app_name="web",
        charm_root=tmp_path / "charm",
    )


@pytest.fixture(scope="session")
def provider() -> Provider:
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    attributes = CertificateRequestAttributes(
        common_name="ca", is_ca=True, add_unique_id_to_subject_name=False
    )
    return Provider(key, Certificate.generate_self_signed_ca(attributes, key, 365 * DAYS))


@pytest.fixture
def asked(ctx: testing.Context[DemoRequirerCharm]) -> testing.State:
    """A unit that is related, and has asked."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    return ctx.run(ctx.on.relation_created(relation), state(relation))


@pytest.fixture
def served(
    ctx: testing.Context[DemoRequirerCharm], asked: testing.State, provider: Provider
) -> testing.State:
    """A unit that has a certificate, and serves it."""
    new, relation = answered(asked, *(provider.answer(csr) for csr in requests(asked)))
    return ctx.run(ctx.on.relation_changed(relation), new)
