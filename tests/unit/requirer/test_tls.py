"""Which contexts the server makes, and which it keeps."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from demo_requirer.pairs import UnusablePairError
from demo_requirer.server.metrics import Metrics
from demo_requirer.server.tls import Terminal
from demo_requirer.store import Store
from tests.unit.requirer.conftest import content_of, pair_of

if TYPE_CHECKING:
    import pathlib

    from demo_requirer.pairs import Pair
    from demo_requirer.server.tls import PairContext
    from tests.unit.requirer.authority import Authority


def held(terminal: Terminal, store: Store, *pairs: Pair) -> list[PairContext | None]:
    """Let *terminal* hold *pairs*, and return the context of each by its name."""
    store.write(content_of(*pairs))
    name = store.current_set()
    assert name is not None
    terminal.hold(content_of(*pairs), store.set_folder(name))
    return [terminal.served_now(pair.dns_names[0]) for pair in pairs]


def test_renewal_of_one_leaves_the_others(authority: Authority, tmp_path: pathlib.Path) -> None:
    """A pair that stays keeps its context; one that is new, or has another key, gets its own."""
    terminal, store = Terminal(Metrics()), Store(tmp_path)
    stays = pair_of(authority.issue("a"), "unit a")
    first = held(terminal, store, stays, pair_of(authority.issue("b"), "unit b"))
    second = held(terminal, store, stays, pair_of(authority.issue("b", number=3), "unit b"))
    assert second[0] is first[0]
    assert second[1] is not first[1]


def test_chain_is_checked_before_it_is_served(
    authority: Authority, tmp_path: pathlib.Path
) -> None:
    """A set is whole on disk and its chain leads nowhere: what was held is held still."""
    terminal, store = Terminal(Metrics()), Store(tmp_path)
    good = pair_of(authority.intermediate().issue("a"))
    (before,) = held(terminal, store, good)
    leaf, _, root = good.chain
    with pytest.raises(UnusablePairError, match="is not signed by"):
        held(terminal, store, dataclasses.replace(good, chain=(leaf, root)))
    assert terminal.served_now("a") is before
