"""What the page makes of a connection's certificate, at one time."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from demo_requirer.server import describe, page, view
from demo_requirer.server.view import State, View
from tests.unit.requirer.authority import NOW, Authority
from tests.unit.requirer.conftest import pair_of

if TYPE_CHECKING:
    from demo_requirer.server.describe import Certificate

DAYS = datetime.timedelta(days=1)
RENEWAL = NOW + 80 * DAYS


@pytest.fixture(scope="module")
def here(authority: Authority) -> Certificate:
    """The certificate of the connection: of ninety days, to be renewed after eighty."""
    return describe.certificate(pair_of(authority.issue("web"), renewal=RENEWAL))


@pytest.fixture(scope="module")
def successor(authority: Authority) -> Certificate:
    return describe.certificate(pair_of(authority.issue("web", number=1)))


def view_of(here: Certificate, served_now: Certificate | None, now: datetime.datetime) -> View:
    return View(
        title="web/0",
        notice="",
        here=here,
        asked_name=None,
        tls_version="TLS 1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        served_now=served_now,
        others=(),
        history=(),
        renewals=0,
        now=now,
    )


@pytest.mark.parametrize(
    ("passed", "state"),
    [
        pytest.param(0 * DAYS, State.VALID, id="young"),
        pytest.param(80 * DAYS, State.VALID, id="renewal under way"),
        pytest.param(81 * DAYS, State.DUE, id="renewal overdue"),
        pytest.param(91 * DAYS, State.EXPIRED, id="expired"),
    ],
)
def test_state_by_the_clock(passed: datetime.timedelta, state: State, here: Certificate) -> None:
    """As time passes, what is served goes from valid to overdue to expired."""
    assert view_of(here, here, NOW + passed).state is state


def test_state_by_what_others_get(here: Certificate, successor: Certificate) -> None:
    """What others are not served any more is not simply called valid."""
    assert view_of(here, successor, NOW).state is State.REPLACED
    assert view_of(here, None, NOW).state is State.WITHDRAWN


def test_many_names(authority: Authority) -> None:
    """Of a hundred names the page shows some, and the others to who asks for them."""
    names = [f"host-{number}.example" for number in range(100)]
    crowded = describe.certificate(pair_of(authority.issue(*names)))
    html = page.Pages().whole(view_of(crowded, crowded, NOW), "web")
    shown, _, folded = html.partition("<details")
    assert all(name in shown for name in names[: view.NAMES_SHOWN])
    assert f"{100 - view.NAMES_SHOWN} more" in folded
    assert all(f"> {name}<" in folded for name in names[view.NAMES_SHOWN :])
