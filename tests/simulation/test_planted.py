"""The machines are not blind: what is wrong on purpose breaks a life in which it matters.

Here the life is led to it; `planted.py` has them find it by themselves.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from . import life, planted, rules, test_bare_library, test_both_charms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def lives(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End each life where its story ends, without a quiet time.

    Hypothesis takes the story only while it runs a life; and pytest keeps no log.
    """
    begun: list[rules.LifeMachine] = []
    begin_life = rules.LifeMachine.begin_life

    def begin(machine: rules.LifeMachine, *where: Any) -> None:
        begun.append(machine)
        begin_life(machine, *where)

    monkeypatch.setattr(rules.LifeMachine, "begin_life", begin)
    monkeypatch.setattr(rules, "note", len)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    yield
    for machine in reversed(begun):
        machine.is_over = True
        machine.teardown()


def _bare() -> test_bare_library.BareLibrary:
    machine = test_bare_library.BareLibrary()
    machine.begin(seed=1, mode="unit", keep=False, more=0)
    return machine


def _both() -> test_both_charms.BothCharms:
    machine = test_both_charms.BothCharms()
    machine.begin(seed=1, web="as in the beginning", units=0)
    return machine


def a_lie() -> None:
    machine = _bare()
    machine.a_provider_lies(what="another key")
    machine.all_hooks(order=0)


def a_renewal() -> None:
    _bare().the_requirer_acts(which=0, what="renew")


def noise() -> None:
    machine = _bare()
    machine.a_requirer_lies(what="no JSON", of_app=False)
    machine.all_hooks(order=0)


def a_first_certificate() -> None:
    _both()


def a_revocation() -> None:
    machine = _both()
    machine.a_certificate_is_revoked(which=0)
    machine.all_hooks(order=0)


def another_ca() -> None:
    machine = _both()
    machine.the_ca_is_configured(what="another name")
    machine.all_hooks(order=0)
    machine.time_passes(length="70m", order=0)


LED_TO = {
    "any certificate is used": a_lie,
    "a renewal lets go of what it renews": a_renewal,
    "what a stranger writes is taken for JSON": noise,
    "nothing is put on record": a_first_certificate,
    "a revocation is not heeded": a_revocation,
    "clients are told of one CA": another_ca,
}


@pytest.mark.parametrize(("name", "story"), LED_TO.items(), ids=LED_TO)
def test_planted(name: str, story: Callable[[], None]) -> None:
    """A defect breaks the invariant that it is about, and nothing is broken without it."""
    story()
    defect = planted.DEFECTS[name]
    with defect.plant(), pytest.raises(life.BrokenError, match=defect.said):
        story()


def test_none_is_forgotten() -> None:
    """Every defect that is planted anywhere is led to here."""
    assert LED_TO.keys() == planted.DEFECTS.keys()
