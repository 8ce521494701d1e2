"""Run the server: `python -m demo_requirer.server --store FOLDER --fd 3`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from demo_requirer.store import Store

from . import handover
from .app import make_app
from .metrics import Metrics
from .protocol import Protocol, protocol_class
from .tls import Terminal
from .watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

HANDSHAKE_GRACE = 10.0
"""Seconds that a server told to end gives to handshakes that have begun."""
CONNECTION_GRACE = 6.0
"""Seconds that it then leaves connections open, each until its next answer or its idle end."""
IDLE_TIMEOUT = 5
"""Seconds after which a connection with nothing to do is closed."""


class Server(uvicorn.Server):
    """Uvicorn's, which says when it listens, and ends without cutting anybody off."""

    def __init__(
        self,
        config: uvicorn.Config,
        protocol: type[Protocol],
        *,
        on_ready: Callable[[], None],
        on_drain: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._protocol = protocol
        self._on_ready = on_ready
        self._on_drain = on_drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell who waits for it."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more, and let what is open end by itself before it is ended."""
        for server in self.servers:
            server.close()
        self._on_drain()
        # One whose handshake failed stays in a cycle of references, and is not waited for.
        gc.collect()
        await _until(lambda: not self._protocol.handshaking, HANDSHAKE_GRACE)
        await _until(lambda: not self.server_state.connections, CONNECTION_GRACE)
        await super().shutdown(sockets)


async def serve(
    store: Path,
    listening: socket.socket,
    control: Path | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve the store's certificates on a socket, until SIGTERM or SIGINT.

    Args:
        store: Folder of the `Store`.
        listening: Bound; taken over.
        control: Where to offer the socket to a successor; None does not.
        on_ready: Called as soon as connections are accepted.
    """
    metrics = Metrics()
    terminal = Terminal(metrics)
    protocol = protocol_class(metrics)
    watcher = Watcher(Store(store), terminal, metrics)
    app = make_app(terminal, metrics, watcher)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_TIMEOUT,
        timeout_graceful_shutdown=20,
        limit_concurrency=2000,
        ssl_context_factory=lambda _config, _default: terminal.listening_context,
    )
    offer = handover.Offer(control, listening, asyncio.get_running_loop()) if control else None

    def on_drain() -> None:
        app.state.draining = True
        if offer:
            offer.close()

    try:
        await Server(config, protocol, on_ready=on_ready, on_drain=on_drain).serve([listening])
    finally:
        if offer:
            offer.close()


def tell_parent(ready: int) -> None:
    """Write one byte to a file descriptor, and close it."""
    os.write(ready, b"\n")
    os.close(ready)


def tell_systemd() -> None:
    """Tell systemd that the service is up (sd_notify(3)), where that is what started it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            # An @ stands for the zero byte of an abstract address (unix(7)).
            notify.sendto(
                b"READY=1", address.replace("@", "\0", 1) if address[0] == "@" else address
            )


async def _until(condition: Callable[[], bool], patience: float) -> None:
    """Wait until *condition* holds, at most *patience* seconds."""
    for _ in range(int(patience / _STEP)):
        if condition():
            return
        await asyncio.sleep(_STEP)


_STEP = 0.05


def main() -> None:
    """Read the command line, and serve."""
    parser = argparse.ArgumentParser(prog="python -m demo_requirer.server", description=__doc__)
    parser.add_argument(
        "--store", type=Path, required=True, help="folder of certificates and keys"
    )
    # Where systemd passes a unit's first socket (sd_listen_fds(3)).
    parser.add_argument(
        "--fd", type=int, default=3, help="file descriptor of the listening socket"
    )
    parser.add_argument(
        "--control", type=Path, help="Unix socket that hands the listening one over"
    )
    parser.add_argument("--ready-fd", type=int, help="file descriptor to write to when listening")
    parser.add_argument("--notify", action="store_true", help="tell systemd when listening")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)

    def on_ready() -> None:
        if options.ready_fd is not None:
            tell_parent(options.ready_fd)
        if options.notify:
            tell_systemd()

    listening = socket.socket(fileno=options.fd)
    asyncio.run(serve(options.store, listening, options.control, on_ready))


if __name__ == "__main__":
    main()
