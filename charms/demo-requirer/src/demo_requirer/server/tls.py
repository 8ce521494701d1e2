"""Which certificate a connection is served with, and how that changes without losing a connection.

Loading a new pair into a context in use does not do: after a change of the key's algorithm some
clients still get the old certificate, and a pair that is half replaced breaks every handshake. So
each pair has a context of its own, made and checked before anybody meets it, and each handshake
is led to one by the SNI callback, which OpenSSL calls whether the client names a server or not.
"""

from __future__ import annotations

import dataclasses
import datetime
import logging
import ssl
import weakref
from typing import TYPE_CHECKING, Any

from demo_requirer.pairs import make_pair

from . import describe

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from demo_requirer.pairs import Pair
    from demo_requirer.store import Content

    from .metrics import Metrics

logger = logging.getLogger(__name__)


class PairContext(ssl.SSLContext):
    """The context of one pair: `sslobj.context` leads from a connection to its certificate."""

    pair: Pair
    certificate: describe.Certificate


@dataclasses.dataclass(frozen=True)
class Holding:
    """One set of the store, ready to be served."""

    content: Content
    contexts: tuple[PairContext, ...]

    def choose(self, server_name: str | None, now: datetime.datetime) -> PairContext | None:
        """Return the context for a client that asks for *server_name*, or None to refuse it.

        A pair of that very name goes before one with a fitting wildcard, and where neither is
        there the first pair is presented: a client that then minds the name says so itself.
        """
        valid = [context for context in self.contexts if not context.pair.date_problem(now)]
        wanted = (server_name or "").lower().rstrip(".")
        wildcard = "*." + wanted.partition(".")[2]
        for name in (wanted, wildcard):
            for context in valid:
                if name in context.pair.dns_names:
                    return context
        return valid[0] if valid else None


class Terminal:
    """Where TLS ends: holds what is served, and hands out the context for each handshake."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._holding: Holding | None = None
        self._asked: weakref.WeakKeyDictionary[ssl.SSLObject, str] = weakref.WeakKeyDictionary()
        self.listening_context = ListeningContext(ssl.PROTOCOL_TLS_SERVER)
        self.listening_context.callback = self._on_server_name

    @property
    def content(self) -> Content | None:
        """What is held, whether its dates are right or not; None before the first set."""
        return self._holding.content if self._holding else None

    def hold(self, content: Content, folder: pathlib.Path) -> None:
        """Take up a set of the store, for every handshake from now on; connections go on as they
        are.

        A pair that was held before keeps its context: where one of a hundred is renewed, clients
        do not wait for the other ninety-nine to be read and checked again.

        Args:
            content: The set.
            folder: Where its `i.pem` and `i.key` files are.

        Raises:
            UnusablePairError: A key does not fit, or a chain does not hold together.
            OSError: OpenSSL cannot load one of the files. What was held is held still, in both
            cases.
        """
        held = self._holding.contexts if self._holding else ()
        known = {context.pair: context for context in held}
        contexts = tuple(
            known.get(pair)
            or _pair_context(pair, folder / f"{index}.pem", folder / f"{index}.key")
            for index, pair in enumerate(content.pairs)
        )
        self._holding = Holding(content, contexts)

    def served_now(self, server_name: str | None = None) -> PairContext | None:
        """Return the context that a new connection would get, or None if it would be refused."""
        if self._holding is None:
            return None
        return self._holding.choose(server_name, datetime.datetime.now(datetime.timezone.utc))

    def served_to_anybody(self) -> tuple[PairContext, ...]:
        """Return the contexts that new connections get, by whatever names they ask for."""
        now = datetime.datetime.now(datetime.timezone.utc)
        held = self._holding.contexts if self._holding else ()
        return tuple(context for context in held if not context.pair.date_problem(now))

    def asked_name(self, connection: ssl.SSLObject) -> str | None:
        """Return the name that a connection's client asked for (RFC 6066, section 3), if any."""
        return self._asked.get(connection)

    def _on_server_name(
        self,
        connection: ssl.SSLObject,
        server_name: str | None,
        _listening: ssl.SSLContext,
    ) -> int | None:
        self._metrics.handshake_started()
        context = self.served_now(server_name)
        if context is None:
            self._metrics.handshake_refused()
            # "Unable to negotiate an acceptable set of security parameters" (RFC 8446, section
            # 6.2).
            return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
        if server_name:
            self._asked[connection] = server_name
        connection.context = context
        return None


class ListeningContext(ssl.SSLContext):
    """The one context that asyncio is given; every connection begins in an inner one of its own.

    OpenSSL resumes TLS 1.2 sessions from a cache that belongs to the context a connection began
    in, and a resumed session has the certificate of its first connection, though that was replaced
    since, or another name is asked for now (which RFC 6066, section 3, forbids). The `ssl` module
    cannot turn that cache off (OP_NO_TICKET is about tickets alone), but a new context has an
    empty one. To make one takes a tenth of what a handshake does.
    """

    callback: Any = None
    """The `sni_callback` of each inner context."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a connection; asyncio calls this for each one that it accepts."""
        inner = _configured(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        inner.sni_callback = self.callback
        return inner.wrap_bio(*args, **kwargs)


def _pair_context(pair: Pair, presented: pathlib.Path, key: pathlib.Path) -> PairContext:
    make_pair(pair.slot, pair.chain, pair.private_key)
    context = PairContext(ssl.PROTOCOL_TLS_SERVER)
    _configured(context)
    context.load_cert_chain(presented, key)
    context.pair = pair
    context.certificate = describe.certificate(pair)
    return context


def _configured(context: ssl.SSLContext) -> ssl.SSLContext:
    """Set what must be alike in every context: a connection changes contexts in mid-handshake."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session would keep the certificate that it began with.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(_ALPN)
    return context


_ALPN: Sequence[str] = ("http/1.1",)
