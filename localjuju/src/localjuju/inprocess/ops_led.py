"""Where ops is led elsewhere while it runs a hook in this process.

To hook tools, which is needed; and past what a process does once but a world for each of thousands
of hooks, which only saves time: nothing of it changes what a charm sees.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import pickle
import sqlite3
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import opentelemetry.trace
import ops
import ops._main
import ops.charm
import ops.framework
import ops.hookcmds._utils
import ops.model
import ops.storage
from ops._private import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextlib.contextmanager
def led(run: Callable[..., Any]) -> Generator[None]:
    """Lead ops elsewhere, and put everything back.

    Args:
        run: Stands in for ``subprocess.run``, for hook tools.
    """
    changes: list[tuple[Any, str, Any]] = [
        # The one place where ops starts a process for a hook tool.
        (
            ops.hookcmds._utils,  # noqa: SLF001 (there is no other way in)
            "subprocess",
            SimpleNamespace(run=run, CalledProcessError=subprocess.CalledProcessError),
        ),
        (ops.storage, "sqlite3", _SQLITE),
        (ops.framework, "inspect", _INSPECT),
        (ops.charm, "yaml", _YAML),
        # Without a provider, which there is none of here, spans are made and thrown away.
        *((module, "tracer", _NO_TRACER) for module in _TRACED),
    ]
    if ops.tracing:
        # A trace provider is of the whole process, and set up once: it may be another's, whose
        # folder is gone. A charm's own `ops.tracing.Tracing` finds that nothing is traced.
        changes += [(ops.tracing, name, _nothing) for name in ("_setup", "_shutdown")]
        backend = getattr(ops.tracing, "_backend")  # noqa: B009 (private: there is no other way in)
        changes.append((backend, "_exporter", None))
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    try:
        for module, name, value in changes:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def _nothing(*_: object, **__: object) -> None:
    pass


def _connect(*args: Any, **options: Any) -> sqlite3.Connection:
    """Open a database that does not wait for the disk: no machine fails here but this one."""
    database = sqlite3.connect(*args, **options)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA journal_mode=MEMORY")
    return database


def _signature(function: Any, **options: Any) -> inspect.Signature:
    """Return the signature of an observer, looked at once for each function."""
    plain = getattr(function, "__func__", None)
    if plain is None or options != {"follow_wrapped": False}:
        return inspect.signature(function, **options)
    return _bound_signature(plain)


@functools.lru_cache(maxsize=4096)
def _bound_signature(function: Any) -> inspect.Signature:
    return inspect.signature(function.__get__(object()), follow_wrapped=False)


def _safe_load(stream: Any) -> Any:
    """Return a document, parsed once for each text; what is in it is new each time."""
    text = stream if isinstance(stream, str) else stream.read()
    return pickle.loads(_parsed(text))  # noqa: S301 (what this very process pickled)


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> bytes:
    return pickle.dumps(yaml.safe_load(text))


class _Like:
    """A module with some of its functions replaced."""

    def __init__(self, module: Any, **functions: Any) -> None:
        self._module = module
        vars(self).update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class _NoTracer:
    """Gives the span that records nothing, as ops' own tracer does after more work."""

    _span = contextlib.nullcontext[opentelemetry.trace.Span](opentelemetry.trace.INVALID_SPAN)

    def start_as_current_span(self, name: str) -> contextlib.nullcontext[opentelemetry.trace.Span]:
        """Stand in for the method of OpenTelemetry's tracers."""
        del name
        return self._span


_NO_TRACER = _NoTracer()
_TRACED = (ops._main, ops.framework, ops.model, ops.storage)  # noqa: SLF001 (as above)
_SQLITE = _Like(sqlite3, connect=_connect)
_INSPECT = _Like(inspect, signature=_signature)
_YAML = _Like(yaml, safe_load=_safe_load)
