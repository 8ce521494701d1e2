"""The largest of the small worlds: `make worlds`. It takes longer than a test run should."""

from __future__ import annotations

import itertools
import logging

import pytest

from tests.simulation.crash_stories import Stage
from tests.simulation.steady import steady_world
from tests.simulation.test_small_worlds import ALL, UNIT_MODE, explored


@pytest.mark.parametrize("names", [*itertools.combinations(ALL, 3), ALL], ids=" and ".join)
def test_more_things_happen(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """In every order of three things, and of all four, each state holds and each end is right."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with steady_world() as world:
        print(f"{' and '.join(names)}: {explored(Stage(world, UNIT_MODE), *names)}")
