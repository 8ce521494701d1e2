"""A story can be told again: everything in a life follows from its seed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from . import invariants, rules, test_bare_library, test_both_charms

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def no_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis takes the story of a life only while it runs one; pytest keeps no log of it."""
    monkeypatch.setattr(rules, "note", len)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


def a_life(machine: rules.LifeMachine) -> dict[str, object]:
    """Go through renewals with one unit more; return all that was written in the end."""
    machine.a_unit_comes(which=1)
    machine.time_passes(length="80d", order=3)
    found = invariants.writings(machine.life.world)
    machine.teardown()
    return found


def both_charms() -> rules.LifeMachine:
    machine = test_both_charms.BothCharms()
    machine.begin(seed=5, web="mode both", units=5)
    return machine


def bare_library() -> rules.LifeMachine:
    machine = test_bare_library.BareLibrary()
    machine.begin(seed=5, mode="both", keep=True, more=5)
    return machine


@pytest.mark.parametrize("begin", [both_charms, bare_library])
def test_the_same_again(begin: Callable[[], rules.LifeMachine]) -> None:
    """Two lives of one seed, in which the same happens, write the same to the last byte."""
    assert a_life(begin()) == a_life(begin())
