"""Clients of the server: connections that are looked at from their other end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

if TYPE_CHECKING:
    from tests.unit.requirer.authority import Leaf
    from tests.unit.requirer.conftest import RunningServer


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


async def close_all() -> None:
    """Close what was opened."""
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


async def until_served(
    server: RunningServer, leaf: Leaf, name: str = "web", meanwhile: Connection | None = None
) -> None:
    """Wait until new connections get *leaf*; use one that is to stay open *meanwhile*."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if await served(server, name) == leaf.serial:
            return
        if meanwhile is not None:
            # The server closes one that has nothing to do.
            await meanwhile.get("/healthz")
        await asyncio.sleep(0.05)
    pytest.fail(f"the new certificate is not served\n{server.log()}")
