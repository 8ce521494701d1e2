"""A unit of a charm under `ops.testing`, whose state goes from hook to hook."""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ops import testing

from charmlibs.interfaces.tls_certificates import (
    TLSCertificatesProvidesV4,
    TLSCertificatesRequiresV4,
)

Library = TypeVar("Library", TLSCertificatesProvidesV4, TLSCertificatesRequiresV4)


class LibraryUnit(Generic[Library]):
    """One unit of a charm that has one side of the library."""

    context: testing.Context[Any]
    state: testing.State

    def __init__(self) -> None:
        self._todo: Callable[[Library], Any] | None = None
        self._done: Any = None

    def do(self, library: Library) -> None:
        """Do, in the hook `start`, what `call` was given."""
        if self._todo is not None:
            self._done = self._todo(library)

    def run(self, event: Any) -> testing.State:
        """Run a hook."""
        self.context.juju_log.clear()
        self.state = self.context.run(event, self.state)
        return self.state

    def call(self, todo: Callable[[Library], Any]) -> Any:
        """Run a hook in which the charm does something with the library."""
        self._todo = todo
        self.run(self.context.on.start())
        self._todo = None
        return self._done

    def update_status(self) -> testing.State:
        return self.run(self.context.on.update_status())

    def warnings(self) -> list[str]:
        """Return what the last hook warned of."""
        return [
            line.message
            for line in self.context.juju_log
            if line.level == "WARNING" and "inconsistent" not in line.message
        ]

    def _put(self, relation: testing.Relation) -> None:
        rest = {one for one in self.state.relations if one.id != relation.id}
        self.state = dataclasses.replace(self.state, relations={*rest, relation})
