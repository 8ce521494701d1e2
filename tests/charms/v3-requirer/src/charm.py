#!/usr/bin/env python3
"""A requirer of version 3: its key is the charm's own affair, the rest is the library's."""

import ops
from older_requirer import LIBID, OlderRequirerCharm


class V3RequirerCharm(OlderRequirerCharm):
    """Keeps its key under a label of its own choice."""

    renewal_share = 2 / 3

    def key_label(self) -> str:
        return "own-key"

    def certificate_label(self, digest: str) -> str:
        return f"{LIBID}-{digest}"


if __name__ == "__main__":
    ops.main(V3RequirerCharm)
