"""What the server answers, also to clients that are slow, silent or rude."""

from __future__ import annotations

import asyncio
import datetime
import socket
import struct

import pytest

from demo_requirer.pairs import serial_hex
from tests.unit.requirer.authority import NOW, Authority, Leaf
from tests.unit.requirer.conftest import RunningServer, content_of, pair_of
from tests.unit.requirer.connections import (
    client,
    connect,
    served,
    streams,
)

pytestmark = pytest.mark.usefixtures("closed_connections")


# Clients that are slow, silent or rude


async def test_half_open_clients_do_not_hinder_others(serving: RunningServer, leaf: Leaf) -> None:
    """Connections that never begin, or never end, their handshake leave others unharmed."""
    silent = [await streams(serving) for _ in range(50)]
    for _, writer in silent[:25]:
        # The beginning of a ClientHello, and then nothing.
        writer.write(b"\x16\x03\x01\x02\x00\x01")
    assert await served(serving) == leaf.serial


async def test_reset_and_garbage(serving: RunningServer, leaf: Leaf) -> None:
    """Who resets the connection, or speaks no TLS, is the only one to suffer from it."""
    address = (serving.listen.address, serving.listen.port)
    for bytes_sent in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" * 100):
        raw = socket.create_connection(address)
        raw.sendall(bytes_sent)
        # A linger time of zero makes `close` send a reset.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    assert await served(serving) == leaf.serial


async def test_slow_client_is_served(serving: RunningServer) -> None:
    """A request that comes a few bytes at a time is answered all the same."""
    reader, writer = await streams(serving, client(), "web")
    for part in (b"GET /hea", b"lthz HTTP/1.1\r\nHo", b"st: web\r\nConnection: close\r\n\r\n"):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.1)
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")


async def test_long_head_is_refused(serving: RunningServer) -> None:
    """A head without end is refused instead of kept in memory."""
    reader, writer = await streams(serving, client(), "web")
    writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000)
    assert (await reader.read()).startswith(b"HTTP/1.1 400")


# Answers


async def test_paths(serving: RunningServer, authority: Authority, leaf: Leaf) -> None:
    """Each path answers with what it is for."""
    connection = await connect(serving)
    assert (await connection.json("/healthz"))["serial_number"] == serial_hex(leaf.serial)
    assert (await connection.get("/ca.pem"))[2] == authority.root_pem
    metrics = (await connection.get("/metrics"))[2]
    end = leaf.certificate.not_valid_after_utc.timestamp()
    line = next(
        line
        for line in metrics.splitlines()
        if line.startswith("certificate_not_after_timestamp_seconds{")
    )
    assert float(line.rsplit(" ", 1)[1]) == end
    assert 'tls_handshakes_total{outcome="completed"} 1.0' in metrics
    assert (await connection.get("/nowhere"))[0] == 404
    assert (await connection.get("/assets/../../store"))[0] == 404


async def test_ca_pem_is_what_others_gave(server: RunningServer, leaf: Leaf) -> None:
    """CAs that the unit was told to trust go before the root of its own chain."""
    others = (Authority.root("One", number=1).root_pem, Authority.root("Two", number=2).root_pem)
    content = content_of(pair_of(leaf))
    server.store.write(type(content)("web/0", pairs=content.pairs, trusted=others))
    server.start()
    connection = await connect(server)
    assert (await connection.get("/ca.pem"))[2] == "".join(others)


async def test_page(server: RunningServer, leaf: Leaf) -> None:
    """The page is complete without its script, and shows this connection's certificate."""
    renewal = NOW + datetime.timedelta(days=70)
    server.store.write(content_of(pair_of(leaf, renewal=renewal), notice="<b>Look</b> here."))
    server.start()
    connection = await connect(server)
    _, _, html = await connection.get("/")
    _, _, live = await connection.get("/live")
    for text in (
        serial_hex(leaf.serial),
        "Test root",
        "Test intermediate",
        f"{renewal:%-d %b %Y, %H:%M:%S}",
        "&lt;b&gt;Look",
    ):
        assert text in html
        assert text in live


async def test_headers(serving: RunningServer) -> None:
    """No answer lets a browser run, load or frame anything that is not ours."""
    connection = await connect(serving)
    for path in ("/", "/certificate.json", "/assets/page.js", "/nowhere"):
        _, headers, _ = await connection.get(path)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


async def test_page_has_nothing_inline(serving: RunningServer) -> None:
    """The content security policy allows neither inline style nor script, and there is none."""
    connection = await connect(serving)
    _, _, html = await connection.get("/")
    assert " style=" not in html
    assert "<style" not in html
    assert " on" not in html.split("<body>")[0]
    assert html.count("<script") == html.count("<script src=")


async def test_no_address_of_another_host(serving: RunningServer) -> None:
    """Nothing that a browser loads names another host, but for XML's own name spaces."""
    connection = await connect(serving)
    texts = [
        (await connection.get(path))[2]
        for path in ("/", "/assets/page.css", "/assets/page.js", "/assets/mark.svg")
    ]
    for text in texts:
        assert "//" not in text.replace("http://www.w3.org/2000/svg", "").replace("// ", "")
