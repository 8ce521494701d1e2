"""When certificates are renewed, and how that is kept as the expiry of a secret."""

from datetime import datetime, timedelta, timezone

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
