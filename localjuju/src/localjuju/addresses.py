"""Addresses in 127.0.0.0/8: one for each unit, that no other controller here gives out."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, LAST = 16, 250
"""The second number of an address: far from 127.0.0.1, 127.0.1.1 and what else systems use."""


class AddressPool:
    """Gives out addresses, and holds the blocks that they are from.

    A block (127.x.y.0/24) is claimed by listening on an abstract Unix socket named after it: the
    kernel lets one process of the machine have it, whichever user's, and frees it when that
    process ends, however it ends.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 (no secret)
        self._claims: list[socket.socket] = []
        self._addresses = self._all()

    def __iter__(self) -> Iterator[str]:
        """Return itself."""
        return self

    def __next__(self) -> str:
        """Return an address that was not given out before."""
        return next(self._addresses)

    def close(self) -> None:
        """Free the blocks."""
        for claim in self._claims:
            claim.close()

    def _all(self) -> Iterator[str]:
        while True:
            block = f"127.{self._rng.randint(FIRST, LAST)}.{self._rng.randint(1, 254)}"
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(f"\0localjuju/{block}")
            except OSError:
                claim.close()
                continue
            self._claims.append(claim)
            yield from (f"{block}.{host}" for host in range(2, 255))
