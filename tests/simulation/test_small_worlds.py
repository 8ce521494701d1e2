"""Every order of everything, in worlds that are small enough."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from charmlibs.interfaces.tls_certificates import _requirer_plan
from tests.simulation import charms
from tests.simulation.crash_stories import CA, DAY, WEB, Cast, Stage
from tests.simulation.small_worlds import CRASH, BrokenError, Happening, SmallWorld
from tests.simulation.steady import steady_world

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator

UNIT_MODE = Cast(
    (charms.BareProvider, charms.PROVIDER, {}),
    (charms.BareRequirer, charms.REQUIRER, {"mode": "unit", "names": WEB}),
    transfers_trust=False,
)


@pytest.fixture(autouse=True)
def no_log_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what hooks log out of pytest's report: that takes longer than the hooks."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


@pytest.fixture
def stage() -> Iterator[Stage]:
    with steady_world() as world:
        yield Stage(world, UNIT_MODE)


def at_rest(stage: Stage) -> datetime.datetime:
    """Two units have their certificates; return when the first one's is due for renewal.

    The second one came later, so that its certificate is not.
    """
    stage.deploy(CA, units=2)
    stage.deploy(WEB)
    stage.relate()
    stage.wait(10 * DAY)
    stage.play()
    stage.model.add_units(WEB)
    stage.play()
    stage.rest()
    [due] = [
        revision.expires
        for secret in stage.model.state.secrets.values()
        for revision in secret.revisions.values()
        if secret.owner.name == f"{WEB}/0" and revision.expires is not None
    ]
    return due


def _revoke(stage: Stage) -> None:
    leader = stage.model.state.applications[CA].leader
    stage.act(f"{CA}/{leader}", "revoke", name=f"{WEB}-0")


def _change_leader(stage: Stage) -> None:
    leader = stage.model.state.applications[CA].leader
    stage.model.lead(f"{CA}/{1 - (leader or 0)}")


REVOCATION = Happening("a certificate is revoked", lambda _: True, _revoke)
NEW_LEADER = Happening("the leader changes", lambda _: True, _change_leader)


def explored(stage: Stage, *names: str) -> str:
    """Meet every state of a world in which these happen; say how many there were."""
    due = at_rest(stage)
    happenings = {
        "renewal": Happening(
            "a renewal falls due", lambda _: True, lambda stage: stage.world.move_to(due)
        ),
        "revocation": REVOCATION,
        "leader": NEW_LEADER,
    }
    world = SmallWorld(
        stage,
        [happenings[name] for name in names if name != CRASH],
        may_crash=CRASH in names,
    )
    return str(world.explore(print))


ALL = ("renewal", "revocation", "leader", CRASH)
TOGETHER = list(itertools.combinations(ALL, 2))


@pytest.mark.parametrize("names", TOGETHER, ids=" and ".join)
def test_two_things_happen(
    stage: Stage, names: tuple[str, ...], record_property: Callable[[str, object], None]
) -> None:
    """In every order of two things and of all hooks, each state holds and each end is right."""
    report = explored(stage, *names)
    record_property("figure", report)
    print(f"{' and '.join(names)}: {report}")


def test_finds_what_is_broken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that lets go of a certificate before its successor is there does not get by."""
    monkeypatch.setattr(_requirer_plan, "_bridging_answer", mock.Mock(return_value=None))
    with pytest.raises(BrokenError, match="nothing in use") as broken:
        explored(stage, "renewal")
    assert str(broken.value).splitlines()[2:] == ["a renewal falls due", f"{WEB}/0"]
