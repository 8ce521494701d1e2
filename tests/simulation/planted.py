"""Defects, planted on purpose: whether the machines would find them.

A machine that has found nothing for long is good or blind. So each of these is planted in turn,
and the machine has to break, and to say what broke::

    python -m tests.simulation.planted [NAME …] [--seed 1]

`test_planted.py` leads a life to each of them; here the machine has to come there by itself.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import pathlib
import re
import sys
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

ROOT = pathlib.Path(__file__).resolve().parents[2]
# As pytest's `pythonpath` does it: the charms are no distributions.
sys.path += [str(path) for path in sorted(ROOT.glob("charms/*/src"))]

from charmlibs.interfaces.tls_certificates import (  # noqa: E402
    _lists,
    _requirer_plan,
    _requirer_state,
)
from demo_requirer import offers, plan  # noqa: E402
from self_signed_provider import ca, ledger  # noqa: E402

from . import life, rules, test_bare_library, test_both_charms  # noqa: E402

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Iterable, Sequence

    from charmlibs.interfaces.tls_certificates import Certificate

MOST_LIVES = 40


@dataclasses.dataclass(frozen=True)
class Defect:
    """Something that is wrong, and what the machine that finds it says."""

    machine: type[rules.LifeMachine]
    plant: Callable[[], contextlib.AbstractContextManager[Any]]
    said: str
    """What the broken invariant says: a regular expression."""


@dataclasses.dataclass(frozen=True)
class Found:
    """How a defect was found."""

    said: str
    lives: int
    steps: int


def _without_flaws() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(_requirer_state, "why_flawed", return_value=None)


def _without_revocations() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(offers, "revoked", return_value=plan.Revoked())


def _without_bridges() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(_requirer_plan, "_bridging_answer", return_value=None)


def _without_care() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(_lists, "load_list", json.loads)


def _without_a_book() -> contextlib.AbstractContextManager[Any]:
    def add(book: ledger.Ledger, _entries: Iterable[ledger.Entry]) -> ledger.Ledger:
        return book

    return mock.patch.object(ledger.Ledger, "add", add)


def _with_one_ca() -> contextlib.AbstractContextManager[Any]:
    whole = ca.bundle

    def first(authorities: Sequence[ca.Authority]) -> Sequence[Certificate]:
        return whole(authorities)[:1]

    return mock.patch.object(ca, "bundle", first)


DEFECTS = {
    "any certificate is used": Defect(
        test_bare_library.BareLibrary, _without_flaws, "with the key of another|takes .* into use"
    ),
    "a renewal lets go of what it renews": Defect(
        test_bare_library.BareLibrary, _without_bridges, "is good still, and has no successor"
    ),
    "what a stranger writes is taken for JSON": Defect(
        test_bare_library.BareLibrary, _without_care, "no hook fails"
    ),
    "nothing is put on record": Defect(
        test_both_charms.BothCharms, _without_a_book, "of which the ledger knows nothing"
    ),
    "a revocation is not heeded": Defect(
        test_both_charms.BothCharms, _without_revocations, "was told that it is revoked"
    ),
    "clients are told of one CA": Defect(
        test_both_charms.BothCharms, _with_one_ca, "whose CA clients are not told to trust"
    ),
}


def find(defect: Defect, seed: int = 1) -> Found | None:
    """Plant a defect, and let the machine live; return how it broke, or None."""
    lives = steps = 0

    class Watched(defect.machine):  # type: ignore[valid-type, misc]
        def __init__(self) -> None:
            nonlocal lives
            lives += 1
            super().__init__()

        @staticmethod
        def watch(_: str) -> None:
            nonlocal steps
            steps += 1

    Watched.__name__ = defect.machine.__name__
    hypothesis.seed(seed)(Watched)
    settings = hypothesis.settings(
        rules.SETTINGS,
        max_examples=MOST_LIVES,
        stateful_step_count=50,
        # To find it is enough here.
        phases=[hypothesis.Phase.generate],
        verbosity=hypothesis.Verbosity.quiet,
    )
    try:
        with defect.plant():
            run_state_machine_as_test(Watched, settings=settings)
    except life.BrokenError as error:
        return Found(str(error), lives, steps)
    return None


def main() -> int:
    """Plant what is named, or all; say how each was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(DEFECTS))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.getLogger().handlers.clear()
    is_blind = False
    for name in given.names or DEFECTS:
        began = time.monotonic()
        found = find(DEFECTS[name], given.seed)
        seconds = time.monotonic() - began
        if found is None or not re.search(DEFECTS[name].said, found.said):
            is_blind = True
            print(f"{name}: NOT FOUND in {seconds:.0f} s{f': {found.said}' if found else ''}")
        else:
            print(f"{name}: in life {found.lives}, step {found.steps}, {seconds:.0f} s")
            print(f"    {found.said}", flush=True)
    return 1 if is_blind else 0


if __name__ == "__main__":
    sys.exit(main())
