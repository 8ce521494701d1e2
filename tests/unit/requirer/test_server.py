"""The real server, on a real socket, as clients meet it."""

from __future__ import annotations

import asyncio
import datetime
import json
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from demo_requirer.server.watch import INTERVAL
from tests.unit.requirer.conftest import RunningServer, content_of, pair_of
from tests.unit.requirer.connections import (
    REFUSED,
    client,
    connect,
    served,
    until_served,
)

if TYPE_CHECKING:
    from tests.unit.requirer.authority import Authority, Leaf

pytestmark = pytest.mark.usefixtures("closed_connections")


# Handshakes


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_verified(
    version: ssl.TLSVersion, serving: RunningServer, authority: Authority, leaf: Leaf
) -> None:
    """A client that knows the root alone verifies chain and name, in TLS 1.2 and 1.3."""
    context = client(authority.root_pem, minimum_version=version, maximum_version=version)
    connection = await connect(serving, context)
    assert connection.serial == leaf.serial
    assert connection.tls.version() == version.name.replace("_", ".")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(serving: RunningServer) -> None:
    """TLS 1.1 gets no certificate."""
    context = client(
        minimum_version=ssl.TLSVersion.TLSv1_1, maximum_version=ssl.TLSVersion.TLSv1_1
    )
    # Many an OpenSSL does not even speak it at its normal level.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(REFUSED):
        await connect(serving, context)


async def test_name_picks_the_pair(server: RunningServer, authority: Authority) -> None:
    """SNI picks by exact name before wildcard; another name, or none, gets the first pair."""
    first = authority.issue("a.example")
    exact = authority.issue("b.example")
    wild = authority.issue("*.example")
    server.store.write(
        content_of(*(pair_of(one, f"unit {n}") for n, one in enumerate((first, wild, exact))))
    )
    server.start()
    assert await served(server, "a.example") == first.serial
    assert await served(server, "B.EXAMPLE") == exact.serial
    assert await served(server, "c.example") == wild.serial
    assert await served(server, "c.d.example") == first.serial
    assert await served(server, "127.0.0.1") == first.serial


async def test_page_names_the_others(server: RunningServer, authority: Authority) -> None:
    """Where clients of other names get other certificates, the page and the JSON say so."""
    first, other = authority.issue("a.example"), authority.issue("b.example")
    server.store.write(content_of(pair_of(first, "unit a"), pair_of(other, "unit b")))
    server.start()
    connection = await connect(server, name="a.example")
    found = (await connection.json())["others"]
    assert [int(one["serial_number"], 16) for one in found] == [other.serial]
    _, _, html = await connection.get("/")
    assert "Served to other names" in html
    assert "b.example" in html


async def test_nothing_to_serve(server: RunningServer) -> None:
    """Without a certificate the handshake is refused, and the server stays."""
    server.start()
    for _ in range(3):
        with pytest.raises(REFUSED):
            await connect(server)


async def test_expired_is_not_served(serving: RunningServer, authority: Authority) -> None:
    """At its end a certificate is served no more, though nobody tells the server."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    short = authority.issue("web", begin=now, lifetime=datetime.timedelta(seconds=10))
    serving.store.write(content_of(pair_of(short)))
    await until_served(serving, short)
    connection = await connect(serving)
    refused = 0
    while not refused:
        # Asked all the while, for a connection with nothing to do is closed.
        await connection.get("/healthz")
        try:
            assert await served(serving) == short.serial
        except REFUSED:
            refused += 1
        await asyncio.sleep(0.2)
    status, _, body = await connection.get("/healthz")
    assert (status, json.loads(body)["status"]) == (503, "failing")


# Reloads


async def test_connection_keeps_its_certificate(
    serving: RunningServer, leaf: Leaf, successor: Leaf
) -> None:
    """An open connection goes on under its own, and tells it from the one served now."""
    old = await connect(serving)
    assert (await old.json())["is_current"]
    serving.store.write(content_of(pair_of(successor)))
    await until_served(serving, successor, meanwhile=old)
    told = await old.json()
    assert not told["is_current"]
    assert int(told["connection"]["serial_number"], 16) == leaf.serial
    assert int(told["served_now"]["serial_number"], 16) == successor.serial


async def test_reconnect(serving: RunningServer) -> None:
    """The page's button ends the connection, so that the browser makes another."""
    connection = await connect(serving)
    status, headers, _ = await connection.get("/reconnect")
    assert (status, headers["connection"]) == (204, "close")
    assert await connection.ended()


async def test_thousands_of_handshakes_over_reloads(
    serving: RunningServer, authority: Authority, leaf: Leaf
) -> None:
    """Clients that connect all the while see none fail, RSA or ECDSA, and every new pair."""
    leaves = [
        authority.issue("web", kind=kind, number=number)
        for kind, number in [("rsa", 0), ("ecdsa", 1), ("rsa", 0), ("ecdsa", 2)] * 2
    ]
    seen: set[int] = set()
    count = 0
    done = asyncio.Event()

    async def knock() -> None:
        nonlocal count
        while not done.is_set() or count < 2000:
            seen.add(await served(serving))
            count += 1

    seen.add(await served(serving))
    knockers = [asyncio.create_task(knock()) for _ in range(4)]
    for one in leaves:
        serving.store.write(content_of(pair_of(one)))
        await until_served(serving, one)
        seen.add(one.serial)
    done.set()
    await asyncio.gather(*knockers)
    assert seen == {leaf.serial, *(one.serial for one in leaves)}
    assert count >= 2000


async def test_tls12_session_is_not_resumed(server: RunningServer, authority: Authority) -> None:
    """A TLS 1.2 session has its certificate with it: a renewal, or another name, makes it new."""
    first, other, successor = (authority.issue(name) for name in ("a", "b", "a"))
    server.store.write(content_of(pair_of(first, "unit a"), pair_of(other, "unit b")))
    server.start()
    context = client(maximum_version=ssl.TLSVersion.TLSv1_2)
    loop = asyncio.get_running_loop()

    def blocking(
        name: str, session: ssl.SSLSession | None
    ) -> tuple[ssl.SSLSession | None, int, bool]:
        address = (server.listen.address, server.listen.port)
        with (
            socket.create_connection(address, 5) as raw,
            context.wrap_socket(raw, server_hostname=name, session=session) as tls,
        ):
            der = tls.getpeercert(binary_form=True)
            assert der is not None
            tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
            # To its proper end: OpenSSL forgets the session of a connection that was cut off.
            while tls.recv(4096):
                pass
            serial = x509.load_der_x509_certificate(der).serial_number
            return tls.session, serial, bool(tls.session_reused)

    session, serial, _ = await loop.run_in_executor(None, blocking, "a", None)
    assert serial == first.serial
    _, serial, reused = await loop.run_in_executor(None, blocking, "b", session)
    assert (serial, reused) == (other.serial, False)
    server.store.write(content_of(pair_of(successor, "unit a"), pair_of(other, "unit b")))
    await until_served(server, successor, "a")
    _, serial, reused = await loop.run_in_executor(None, blocking, "a", session)
    assert (serial, reused) == (successor.serial, False)


async def test_no_tickets(serving: RunningServer) -> None:
    """TLS 1.3 gives no ticket: a resumed session would keep the old certificate."""
    connection = await connect(serving)
    await connection.get("/healthz")
    assert connection.tls.session is None or not connection.tls.session.has_ticket


@pytest.mark.parametrize("name", ["0.key", "0.pem", "content.json"])
async def test_torn_set_is_not_served(
    name: str, serving: RunningServer, leaf: Leaf, successor: Leaf
) -> None:
    """A set with a damaged file is not taken up; what is held is served on, and its successor."""
    store = serving.store
    good = store.current_set()
    # Written where the server does not look, damaged, and only then made the current one.
    aside = RunningServer(serving.supervisor.folder / "aside")
    aside.store.write(content_of(pair_of(successor)))
    torn = str(aside.store.current_set())
    aside.store.set_folder(torn).rename(store.set_folder(torn))
    path = store.set_folder(torn) / name
    path.write_text(path.read_text()[:-40])
    link = store.folder / "new"
    link.symlink_to(f"sets/{torn}")
    link.replace(store.folder / "current")
    await _until_log(serving, "not served")
    assert await served(serving) == leaf.serial
    assert store.current_set() != good
    store.write(content_of(pair_of(successor)))
    await until_served(serving, successor)


async def _until_log(server: RunningServer, text: str) -> None:
    for _ in range(int(60 / INTERVAL)):
        if text in server.log():
            return
        await asyncio.sleep(INTERVAL)
    pytest.fail(f"the log never says {text!r}: {server.log()}")


# The end of a server


async def test_keys_do_not_get_into_the_log(
    serving: RunningServer, leaf: Leaf, successor: Leaf
) -> None:
    """Whatever goes wrong with a set, its key is not written down."""
    await test_torn_set_is_not_served("0.key", serving, leaf, successor)
    for one in (leaf, successor):
        for line in one.key.splitlines()[1:-1]:
            assert line not in serving.log()
