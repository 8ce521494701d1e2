"""What keeps a hook from ending well although the charm did."""

from __future__ import annotations


class CommitError(Exception):
    """What the hook asked for cannot be done, so nothing of it is, and the hook has failed."""
