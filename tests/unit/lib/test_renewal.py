"""When certificates are renewed, and how that is kept as the expiry of a secret."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from charmlibs.interfaces.tls_certificates import TLSCertificatesError, _renewal

DAY = timedelta(days=1)
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("not_before", "not_after", "fraction", "seen", "due"),
    [
        pytest.param(0, 100, 0.9, 0, 90, id="fresh"),
        pytest.param(0, 100, 0.9, 60, 90, id="seen late"),
        pytest.param(0, 100, 0.9, 90, 95, id="seen when due: half of what is left"),
        pytest.param(-1000, 10, 0.9, 0, 5, id="backdated"),
        pytest.param(0, 100, 1.0, 0, 100, id="at the end"),
        pytest.param(0, 100, 0.51, 0, 51, id="soon"),
    ],
)
def test_due(not_before: int, not_after: int, fraction: float, seen: int, due: int) -> None:
    """A share of the lifetime, and never before half of what was left. In days from now."""
    found = _renewal.due(NOW + not_before * DAY, NOW + not_after * DAY, fraction, NOW + seen * DAY)
    assert found == NOW + due * DAY


@pytest.mark.parametrize("left", [1_500_000, 1_000_000, 600_000, 1], ids=str)
def test_due_in_the_last_second(left: int) -> None:
    """However little was left, in microseconds, it is not due at once: it would be without end."""
    not_after = NOW + DAY
    seen = not_after - timedelta(microseconds=left)
    assert seen < _renewal.due(NOW - DAY, not_after, 0.9, seen) <= not_after


def test_due_of_expired() -> None:
    """What had expired when it was first seen is asked for again in five minutes, not at once."""
    assert _renewal.due(NOW - 2 * DAY, NOW - DAY, 0.9, NOW) == NOW + timedelta(minutes=5)


def test_due_of_certificates_for_ever() -> None:
    """The year 9999 stands for 'for ever' (RFC 5280), and is no mark of what is done with."""
    for_ever = datetime(9999, 12, 31, tzinfo=timezone.utc)
    assert not _renewal.is_far_away(_renewal.due(NOW, for_ever, 1.0, NOW))
    assert _renewal.is_far_away(_renewal.FAR_AWAY)


@pytest.mark.parametrize(
    ("left_after_due", "early", "hinted", "due"),
    [
        pytest.param(600, 0, False, True, id="by the clock"),
        pytest.param(600, 1, False, False, id="not by a second earlier"),
        pytest.param(600, 60, True, True, id="a minute early, as Juju may be"),
        pytest.param(600, 61, True, False, id="no earlier"),
        pytest.param(6, 3, True, True, id="short life: half of what is left after"),
        pytest.param(6, 4, True, False, id="short life: no earlier"),
    ],
)
def test_is_due(left_after_due: int, early: int, hinted: bool, due: bool) -> None:
    """An alarm is a hint, for what is due or nearly so. In seconds."""
    not_after = NOW + timedelta(seconds=left_after_due)
    now = NOW - timedelta(seconds=early)
    assert _renewal.is_due(NOW, not_after, now, hinted=hinted) is due


@pytest.mark.parametrize("fraction", [0.5, 0.0, 1.01, -1, True])
def test_fraction_out_of_range(fraction: float) -> None:
    """A share of half or less would renew without end."""
    with pytest.raises(TLSCertificatesError, match="renewal_relative_time"):
        _renewal.check_fraction(fraction)


@pytest.mark.parametrize("fraction", [0.51, 0.9, 1.0, 1])
def test_fraction_in_range(fraction: float) -> None:
    """More than half, and all of it, is returned as it was given."""
    assert _renewal.check_fraction(fraction) is fraction


@pytest.mark.parametrize("fraction", ["0.9", None, [0.9], True])
def test_fraction_of_another_type(fraction: Any) -> None:
    """What is no number is said to be out of range, with what is accepted."""
    with pytest.raises(TLSCertificatesError) as raised:
        _renewal.check_fraction(fraction)
    accepted = "renewal_relative_time must be over 0.5 and at most 1.0"
    assert str(raised.value) == f"{accepted}, not {fraction!r}"


def test_due_of_what_expires_now() -> None:
    """What expires at the moment when it is seen is asked for again in five minutes."""
    assert _renewal.due(NOW - DAY, NOW, 0.9, NOW) == NOW + timedelta(minutes=5)


def test_alarm_is_in_whole_seconds_of_utc() -> None:
    """A moment is an alarm as a secret's expiry can hold it."""
    summer = timezone(timedelta(hours=2))
    found = _renewal.alarm(datetime(2026, 6, 1, 14, 0, 7, 999_999, tzinfo=summer))
    assert (found, found.tzinfo) == (NOW + timedelta(seconds=7), timezone.utc)


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.9, 1.0])
def test_relative_datetime(fraction: float) -> None:
    """A share of the way from now to then."""
    before = datetime.now(timezone.utc)
    found = _renewal.calculate_relative_datetime(before + DAY, fraction)
    after = datetime.now(timezone.utc)
    target = before + DAY
    assert before + (target - before) * fraction <= found <= after + (target - after) * fraction


@pytest.mark.parametrize("fraction", [-0.01, 1.01])
def test_relative_datetime_out_of_range(fraction: float) -> None:
    """There is no share of less than nothing, or of more than all."""
    with pytest.raises(TLSCertificatesError) as raised:
        _renewal.calculate_relative_datetime(NOW, fraction)
    assert str(raised.value) == f"fraction must be from 0.0 to 1.0, not {fraction!r}"
