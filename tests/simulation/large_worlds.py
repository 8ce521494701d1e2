"""The largest of the small worlds: `make worlds`. It takes longer than a test run should."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tests.simulation.crash_stories import Stage
from tests.simulation.places import world_in_memory
from tests.simulation.test_small_worlds import ALL, UNIT_MODE, explored

if TYPE_CHECKING:
    import pytest


def test_everything_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal, a revocation, another leader and a crash, in every order with every hook."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with world_in_memory() as world:
        print(explored(Stage(world, UNIT_MODE), *ALL))
