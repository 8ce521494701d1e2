"""The real server, on a real socket, as clients meet it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from demo_requirer.server.watch import INTERVAL
from tests.unit.requirer.authority import NOW, Authority, Leaf
from tests.unit.requirer.conftest import RunningServer, content_of, pair_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def client(trusted: str | None = None, **limits: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that trusts *trusted*, or anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusted is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=trusted)
    for name, version in limits.items():
        setattr(context, name, version)
    return context


# asyncio may reset a connection whose handshake fails before the alert is sent.
REFUSED = (ssl.SSLError, ConnectionResetError)


class Connection:
    """One TLS connection, over which requests go one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @property
    def tls(self) -> Any:
        return self.writer.get_extra_info("ssl_object")

    @property
    def serial(self) -> int:
        der = self.tls.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(der).serial_number

    async def get(self, path: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers and body of an answer."""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: web\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, body.decode()

    async def json(self, path: str = "/certificate.json") -> Any:
        return json.loads((await self.get(path))[2])

    async def ended(self) -> bool:
        """Say whether the server has closed it."""
        return await self._reader.read() == b""


_opened: list[asyncio.StreamWriter] = []


@pytest.fixture(autouse=True)
async def _close_connections(server: RunningServer) -> AsyncIterator[None]:
    """Close what a test has opened, before the server ends."""
    del server
    yield
    while _opened:
        await _close(_opened.pop())


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    # The server may have closed it first, which is not under test here.
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def streams(
    server: RunningServer, context: ssl.SSLContext | None = None, name: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(
        server.listen.address, server.listen.port, ssl=context, server_hostname=name
    )
    _opened.append(writer)
    return reader, writer


async def connect(
    server: RunningServer, context: ssl.SSLContext | None = None, name: str = "web"
) -> Connection:
    return Connection(*await streams(server, context or client(), name))


async def served(server: RunningServer, name: str = "web") -> int:
    """Return the serial number that a new connection gets."""
    connection = await connect(server, name=name)
    await _close(_opened.pop(_opened.index(connection.writer)))
    return connection.serial


async def until_served(server: RunningServer, leaf: Leaf, name: str = "web") -> None:
    """Wait until new connections get *leaf*."""
    for _ in range(100):
        if await served(server, name) == leaf.serial:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"the new certificate is not served\n{server.log()}")


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
    await until_served(serving, successor)
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

    knockers = [asyncio.create_task(knock()) for _ in range(4)]
    for one in leaves:
        serving.store.write(content_of(pair_of(one)))
        await until_served(serving, one)
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
    for _ in range(int(10 / INTERVAL)):
        if text in server.log():
            return
        await asyncio.sleep(INTERVAL)
    pytest.fail(f"the log never says {text!r}: {server.log()}")


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
    assert (await connection.json("/healthz"))["serial_number"] == f"{leaf.serial:040X}"
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
        f"{leaf.serial:040X}",
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


# The end of a server


async def test_keys_do_not_get_into_the_log(
    serving: RunningServer, leaf: Leaf, successor: Leaf
) -> None:
    """Whatever goes wrong with a set, its key is not written down."""
    await test_torn_set_is_not_served("0.key", serving, leaf, successor)
    for one in (leaf, successor):
        for line in one.key.splitlines()[1:-1]:
            assert line not in serving.log()
