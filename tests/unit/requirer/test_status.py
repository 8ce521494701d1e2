"""What the unit says of itself."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

import ops
import pytest

from demo_requirer import status
from demo_requirer.plan import Gap
from demo_requirer.status import Facts
from tests.unit.requirer.authority import NOW, Authority
from tests.unit.requirer.conftest import pair_of

if TYPE_CHECKING:
    from demo_requirer.pairs import Pair

WELL = Facts(is_related=True, provider="ca", wanted=("unit web",))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return pair_of(authority.issue("web"))


@pytest.mark.parametrize(
    ("facts", "kind", "says"),
    [
        pytest.param(
            Facts(),
            ops.BlockedStatus,
            "no provider of certificates is related: integrate `certificates` with one",
            id="unrelated",
        ),
        pytest.param(WELL, ops.WaitingStatus, "waiting for a certificate from ca", id="waiting"),
        pytest.param(
            dataclasses.replace(WELL, wanted=("unit a", "unit b")),
            ops.WaitingStatus,
            "waiting for 2 certificates from ca",
            id="waiting for several",
        ),
        pytest.param(
            dataclasses.replace(WELL, waits_for_leader=True),
            ops.WaitingStatus,
            "waiting for a certificate from the leader",
            id="follower",
        ),
        pytest.param(
            dataclasses.replace(WELL, gap=Gap.EXPIRED),
            ops.WaitingStatus,
            "expired; waiting for a certificate from ca",
            id="expired",
        ),
        pytest.param(
            dataclasses.replace(WELL, gap=Gap.REVOKED),
            ops.WaitingStatus,
            "revoked; waiting for a certificate from ca",
            id="revoked",
        ),
        pytest.param(
            dataclasses.replace(WELL, denials=("no such domain (domain_not_allowed, 102)",)),
            ops.BlockedStatus,
            "denied: no such domain (domain_not_allowed, 102)",
            id="denied",
        ),
        pytest.param(
            dataclasses.replace(WELL, refused=("unit web: the key does not fit",)),
            ops.BlockedStatus,
            "not served: unit web: the key does not fit",
            id="not fit to be served",
        ),
        pytest.param(
            dataclasses.replace(WELL, config_problem="port must be more"),
            ops.BlockedStatus,
            "port must be more",
            id="wrong option",
        ),
        pytest.param(
            dataclasses.replace(WELL, server_problem="port 1 is in use"),
            ops.BlockedStatus,
            "port 1 is in use",
            id="server",
        ),
    ],
)
def test_without_a_certificate(facts: Facts, kind: type[ops.StatusBase], says: str) -> None:
    """Each reason for serving nothing has its own words."""
    found = status.status_of(facts, NOW)
    assert (type(found), found.message) == (kind, says)


def test_active(pair: Pair) -> None:
    """All is well: what is served, and until when."""
    facts = dataclasses.replace(WELL, pairs=(pair,))
    found = status.status_of(facts, NOW)
    assert found == ops.ActiveStatus(f"web until {pair.not_after:%Y-%m-%d %H:%M} UTC")


def test_active_with_a_worry(pair: Pair) -> None:
    """A chain that its own CAs do not vouch for is said, and served."""
    facts = dataclasses.replace(WELL, pairs=(pair,), trust_problem="its chain leads nowhere")
    found = status.status_of(facts, NOW)
    assert isinstance(found, ops.ActiveStatus)
    assert found.message.endswith("; its chain leads nowhere")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"config_problem": "port must be"}, id="wrong option"),
        pytest.param({"is_related": False}, id="unrelated"),
        pytest.param({"denials": ("no",)}, id="denied"),
        pytest.param({"refused": ("no",)}, id="not served"),
        pytest.param({"wanted": ("unit web", "unit b")}, id="waiting for more"),
    ],
)
def test_says_what_is_served_meanwhile(change: dict[str, Any], pair: Pair) -> None:
    """Whatever is wrong, clients of what is held are not forgotten."""
    facts = dataclasses.replace(WELL, pairs=(pair,), **change)
    found = status.status_of(facts, NOW)
    assert not isinstance(found, ops.ActiveStatus)
    assert "; serving web until" in found.message


def test_two_troubles_are_both_told(pair: Pair) -> None:
    """A wrong option does not hide that the server is not as it should be."""
    facts = dataclasses.replace(
        WELL, pairs=(pair,), config_problem="mode must be", server_problem="port 1 is in use"
    )
    assert status.status_of(facts, NOW).message == "mode must be; port 1 is in use"


def test_expired_pair_is_not_served(pair: Pair) -> None:
    """What has ended between two hooks is not said to be served."""
    facts = dataclasses.replace(WELL, pairs=(pair,))
    late = NOW + datetime.timedelta(days=200)
    assert isinstance(status.status_of(facts, late), ops.WaitingStatus)


def test_app_status(pair: Pair) -> None:
    """The application is as its leader is, but for the leader's own server."""
    well = dataclasses.replace(WELL, pairs=(pair,))
    own = dataclasses.replace(well, server_problem="port 1 is in use")
    assert status.app_status_of(own, "unit", NOW) == ops.ActiveStatus("unit mode")
    assert isinstance(status.app_status_of(Facts(), "unit", NOW), ops.BlockedStatus)
