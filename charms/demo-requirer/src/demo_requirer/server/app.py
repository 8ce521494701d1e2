"""What the server answers: a page for people, and facts for programs."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from demo_requirer.pairs import bundle

from . import page
from .metrics import CONTENT_TYPE
from .protocol import context_of
from .view import View

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .metrics import Metrics
    from .tls import Terminal
    from .watch import Watcher

SECURITY_HEADERS = {
    # Everything comes from here, nothing is inline, and no other site may frame the page.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # No strict-transport-security: a browser that does not know the CA could then never show the
    # page.
}


def make_app(terminal: Terminal, metrics: Metrics, watcher: Watcher) -> Starlette:
    """Return the application; while it runs, the watcher looks at the store."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None, None]:
        # Before the first connection, so that none is refused for want of what lies ready.
        watcher.look()
        watching = asyncio.create_task(watcher.run())
        yield
        watching.cancel()

    answers = Answers(terminal, metrics)
    app = Starlette(
        routes=[
            Route("/", answers.index),
            Route("/live", answers.live),
            Route("/certificate.json", answers.certificate),
            Route("/healthz", answers.health),
            Route("/ca.pem", answers.authorities),
            Route("/metrics", answers.exposition),
            Route("/reconnect", answers.reconnect),
            Route("/assets/{name}", answers.asset),
        ],
        middleware=[Middleware(_Headers)],
        lifespan=lifespan,
    )
    app.state.draining = False
    return app


class Answers:
    """One method for each path."""

    def __init__(self, terminal: Terminal, metrics: Metrics) -> None:
        self._terminal = terminal
        self._metrics = metrics
        self._pages = page.Pages()

    async def index(self, request: Request) -> Response:
        """Give people the whole page."""
        return _html(self._pages.whole(self._view(request), request.headers.get("host", "")))

    async def live(self, request: Request) -> Response:
        """Give the page's script those parts that change."""
        return _html(self._pages.live(self._view(request)))

    async def certificate(self, request: Request) -> Response:
        """Give programs what the page shows."""
        return JSONResponse(self._view(request).to_json(), headers=_FRESH)

    async def health(self, _request: Request) -> Response:
        """Say whether the next client will be served."""
        served = self._terminal.served_now()
        if served is None:
            problem = {"status": "failing", "reason": "no valid certificate to serve"}
            return JSONResponse(problem, 503, headers=_FRESH)
        body = {
            "status": "ok",
            "serial_number": served.certificate.leaf.serial_number,
            "not_after": served.pair.not_after.isoformat(),
        }
        return JSONResponse(body, headers=_FRESH)

    async def authorities(self, request: Request) -> Response:
        """Give the CAs this unit was told to trust, or the root of this connection's chain."""
        content = self._terminal.content
        pair = context_of(request.state.tls).pair
        trusted = content.trusted if content else ()
        if not trusted and pair.ends_in_root:
            trusted = pair.chain[-1:]
        if not trusted:
            return PlainTextResponse(
                "The chain of this certificate has no root, and no trusted CA was given.\n", 404
            )
        return Response(bundle(trusted), media_type="application/x-pem-file", headers=_FRESH)

    async def exposition(self, _request: Request) -> Response:
        """Give Prometheus its numbers."""
        body = self._metrics.exposition(self._terminal.content)
        return Response(body, headers={**_FRESH, "content-type": CONTENT_TYPE})

    async def reconnect(self, _request: Request) -> Response:
        """End this connection, so that the browser's next request meets what is served now."""
        return Response(status_code=204, headers={**_FRESH, "connection": "close"})

    async def asset(self, request: Request) -> Response:
        """Give the page's style sheet, script or picture."""
        found = self._pages.asset(request.path_params["name"])
        if found is None:
            return PlainTextResponse("Not found\n", 404)
        body, media_type = found
        return Response(body, media_type=media_type, headers={"cache-control": "no-cache"})

    def _view(self, request: Request) -> View:
        tls: ssl.SSLObject = request.state.tls
        now = datetime.datetime.now(datetime.timezone.utc)
        return View.of_connection(self._terminal, tls, context_of(tls), now)


class _Headers:
    """Adds the security headers to every answer, and ends connections while the server drains."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                if scope["app"].state.draining:
                    headers["connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


_FRESH = {"cache-control": "no-store"}


def _html(text: str) -> Response:
    return Response(text, media_type="text/html", headers=_FRESH)
