"""HTTP/1.1 over one TLS connection: uvicorn's, with its certificate and with less patience."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from .tls import PairContext

if TYPE_CHECKING:
    import asyncio

    from .metrics import Metrics

REQUEST_TIMEOUT = 20.0
"""Seconds that a client has, from the handshake or the last answer on, to send a head."""


class Protocol(H11Protocol):
    """Passes on, as `request.state.tls`, the `ssl.SSLObject` of this very connection.

    Uvicorn gives a connection that never sends a request all the time in the world; here it is
    closed.
    """

    metrics: Metrics
    """Set by `protocol_class`: uvicorn makes the instances, and has no way to give them more."""
    handshaking: weakref.WeakSet[Protocol]
    """Those that were accepted and are not open yet: a draining server waits for them."""
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handshaking.add(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, once the handshake is done."""
        self.handshaking.discard(self)
        self.metrics.handshake_completed()
        self.app_state = {**self.app_state, "tls": transport.get_extra_info("ssl_object")}
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; nothing is expected any more."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request, as long as for the first."""
        super().on_response_complete()
        self._expect_request()

    def _expect_request(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT, self._give_up, self.cycle)

    def _give_up(self, last_cycle: object) -> None:
        if self.cycle is last_cycle and not self.transport.is_closing():
            self.transport.close()


def protocol_class(metrics: Metrics) -> type[Protocol]:
    """Return the protocol bound to one server's counters."""
    return type(
        "BoundProtocol", (Protocol,), {"metrics": metrics, "handshaking": weakref.WeakSet()}
    )


def context_of(tls: Any) -> PairContext:
    """Return the context, and so the certificate, that a connection was served with."""
    context = tls.context
    if not isinstance(context, PairContext):
        # Every handshake goes through the SNI callback, which sets one or refuses.
        raise TypeError("a connection without a certificate")
    return context
