"""Brings what the charm puts in the store to the clients."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from demo_requirer.pairs import UnusablePairError
from demo_requirer.store import Store, StoreDamagedError

if TYPE_CHECKING:
    from .metrics import Metrics
    from .tls import Terminal

logger = logging.getLogger(__name__)

INTERVAL = 0.5
"""Seconds between two looks: one `readlink` each.

A look costs next to nothing and cannot be missed, where a signal needs somebody who may send it
(the service has a user of its own) and is lost while the server starts, and inotify needs code
for each way in which a link is replaced.
"""
RETRY_AFTER = 10
"""Looks after which a set that could not be taken up is tried again.

What hindered may have passed: while thousands of clients hold all of the process's files open, for
one, no set can be read, and the charm has no reason to write another.
"""


class Watcher:
    """Looks at the store again and again, and lets the terminal hold what is new there."""

    def __init__(self, store: Store, terminal: Terminal, metrics: Metrics) -> None:
        self._store = store
        self._terminal = terminal
        self._metrics = metrics
        self._seen: str | None = None
        self._rejected: str | None = None
        self._pause = 0

    def look(self) -> None:
        """Take up the current set if it is another one; one that is not fit is not served."""
        name = self._store.current_set()
        if name is None or name == self._seen:
            return
        if name == self._rejected and self._pause > 0:
            self._pause -= 1
            return
        try:
            content = self._store.read(name)
            if content is not None:
                self._terminal.hold(content, self._store.set_folder(name))
        except (StoreDamagedError, UnusablePairError, OSError) as error:
            self._reject(name, error)
        else:
            self._metrics.reload_taken_up()
            self._seen = name

    def _reject(self, name: str, error: Exception) -> None:
        """Say once what is wrong with a set, and leave it alone for a while."""
        if self._store.current_set() != name:
            # Replaced, and removed, while it was read: the next look finds its successor.
            return
        if name != self._rejected:
            self._metrics.reload_rejected()
            logger.error("a set of certificates is not served: %s", error)
        self._rejected = name
        self._pause = RETRY_AFTER

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            await asyncio.sleep(INTERVAL)
