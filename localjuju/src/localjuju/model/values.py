"""Values that come from a command line: options of a charm, durations."""

from __future__ import annotations

import contextlib
import datetime
import re
from typing import TYPE_CHECKING

from .errors import JujuError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .charm import Charm, OptionValue

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse_config(charm: Charm, values: Mapping[str, str]) -> dict[str, OptionValue]:
    """Return *values*, from a command line, as the charm's options have them.

    Raises:
        JujuError: For an option that the charm has not, or a value of the wrong type.
    """
    for name in values:
        if name not in charm.options:
            raise JujuError(f'unknown option "{name}"')
    return {name: charm.options[name].parse(text) for name, text in values.items()}


def carry_over(charm: Charm, config: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Return what an application was set to as another revision of its charm has it.

    A value of an option that is gone is forgotten; so is one that the option's new type has not.
    """
    kept: dict[str, OptionValue] = {}
    for name, value in config.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        with contextlib.suppress(JujuError):
            kept.update(parse_config(charm, {name: text}))
    return kept


def parse_duration(text: str) -> datetime.timedelta:
    """Return a Go duration such as ``5m`` or ``1h30m``.

    Raises:
        JujuError: If it is none, or no time at all.
    """
    found = DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    length = datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not length:
        raise JujuError(f'"{text}" is not a duration such as 90s, 5m or 1h30m')
    return length
