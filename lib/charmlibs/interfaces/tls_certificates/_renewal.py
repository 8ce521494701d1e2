"""When certificates are renewed.

The alarm of a certificate is kept as the expiry of its Juju secret: first when it is due for
renewal, then, while its successor is awaited, the end of its validity, and last `FAR_AWAY`, which
says that nothing more is to happen to it but that its secret is removed.
"""

from datetime import datetime, timedelta, timezone

from . import _errors

FAR_AWAY = datetime(2999, 1, 1, tzinfo=timezone.utc)
"""The alarm of what is done with.

A secret that is removed while its expiry is pending goes on expiring (Juju 4.0) until the agent
restarts; one whose expiry was moved far away in an earlier hook does not.
"""
_LAST_ALARM = FAR_AWAY - timedelta(days=365)
_PATIENCE_WITH_EXPIRED = timedelta(minutes=5)
_ALMOST_A_SECOND = timedelta(microseconds=999_999)
_JUJU_EARLINESS = timedelta(seconds=60)
"""Juju's worker rounds expiries to minutes: an event may come this much too early."""


def check_fraction(fraction: float) -> float:
    """Return the share of a lifetime to use up before renewal, in (0.5, 1.0].

    Raises:
        TLSCertificatesError: If it is out of range.
    """
    is_number = type(fraction) in {int, float}
    if not (is_number and 0.5 < fraction <= 1.0):  # noqa: PLR2004
        raise _errors.InvalidArgument(
            f"renewal_relative_time must be over 0.5 and at most 1.0, not {fraction!r}"
        )
    return fraction


def due(not_before: datetime, not_after: datetime, fraction: float, seen: datetime) -> datetime:
    """Return when to renew a certificate that was first seen at a given moment.

    Never before half of what was left when it was seen: neither a provider that backdates nor one
    whose CA is near its end causes renewal after renewal. One that had expired when it was first
    seen is asked for again five minutes later.

    Args:
        not_before: Aware UTC, inclusive (RFC 5280, section 4.1.2.5).
        not_after: Aware UTC, inclusive.
        fraction: Share of the lifetime to use up, in (0.5, 1.0].
        seen: When the certificate was accepted, aware.
    """
    if not_after <= seen:
        # Asking at once would go on for ever with a provider whose clock is wrong.
        return alarm(seen + _PATIENCE_WITH_EXPIRED)
    by_lifetime = not_before + (not_after - not_before) * fraction
    # Up to a whole second, where an alarm is rounded down: in a certificate's last second that
    # would be at once, again and again.
    by_what_was_left = seen + (not_after - seen) / 2 + _ALMOST_A_SECOND
    return alarm(max(by_lifetime, by_what_was_left))


def alarm(moment: datetime) -> datetime:
    """Return a moment as an alarm: whole seconds, and never taken for `FAR_AWAY`."""
    # RFC 5280 writes 'for ever' as the year 9999.
    return min(moment.astimezone(timezone.utc), _LAST_ALARM).replace(microsecond=0)


def is_far_away(expiry: datetime | None) -> bool:
    """Tell whether an alarm is the mark of what is done with."""
    return expiry is not None and expiry > _LAST_ALARM


def is_due(alarm_at: datetime, not_after: datetime, now: datetime, *, hinted: bool) -> bool:
    """Tell whether a certificate is to be renewed now.

    Args:
        alarm_at: When it is due.
        not_after: The end of its validity.
        now: Aware.
        hinted: Whether Juju said in this hook that the alarm went off. It may be a minute early.
            For a certificate that lives on for less than two minutes after it is due, only half
            of that is allowed, or each renewal would be followed by the next.
    """
    if not hinted:
        return alarm_at <= now
    earliness = min(_JUJU_EARLINESS, max(not_after - alarm_at, timedelta()) / 2)
    return alarm_at - earliness <= now


def calculate_relative_datetime(target_time: datetime, fraction: float) -> datetime:
    """Calculate a datetime that is a given percentage from now to a target time.

    Args:
        target_time: The future datetime to interpolate towards, aware.
        fraction: Fraction of the interval from now to target_time (0.0-1.0). 1.0 means return
            target_time, 0.9 means return the time after 90% of the interval has passed, and 0.0
            means return now.

    Raises:
        TLSCertificatesError: If the fraction is out of range. Also a ``ValueError``.
    """
    if not 0.0 <= fraction <= 1.0:
        raise _errors.InvalidArgument(f"fraction must be from 0.0 to 1.0, not {fraction!r}")
    now = datetime.now(timezone.utc)
    return now + (target_time - now) * fraction
