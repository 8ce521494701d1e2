"""The page as HTML: templates and files of `demo_requirer/page`, read once, when the server
starts.

Read once, for a refresh of the charm replaces them while the old server still has connections to
end.
"""

from __future__ import annotations

import datetime
import importlib.resources
from typing import TYPE_CHECKING, Any, cast

import jinja2

from .view import NAMES_SHOWN

if TYPE_CHECKING:
    from .view import View

_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Pages:
    """Everything that a browser asks for."""

    def __init__(self) -> None:
        folder = importlib.resources.files("demo_requirer") / "page"
        files = {entry.name: entry.read_text() for entry in folder.iterdir() if entry.is_file()}
        self._assets = {
            name: (text.encode(), _MEDIA_TYPES[suffix])
            for name, text in files.items()
            if (suffix := "." + name.rpartition(".")[2]) in _MEDIA_TYPES
        }
        environment = jinja2.Environment(
            loader=jinja2.DictLoader(files),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters = cast("dict[str, Any]", environment.filters)
        filters.update(
            day=day,
            distance=distance,
            fingerprint=grouped_fingerprint,
            moment=moment,
            percent=percent,
            short=short_serial,
        )
        self._whole = environment.get_template("index.html")
        self._live = environment.get_template("live.html")

    def whole(self, view: View, host: str) -> str:
        """Return the page, complete without a script."""
        return self._whole.render(view=view, host=host, names_shown=NAMES_SHOWN)

    def live(self, view: View) -> str:
        """Return what changes of it: the page's script asks for this again and again."""
        return self._live.render(view=view, names_shown=NAMES_SHOWN)

    def asset(self, name: str) -> tuple[bytes, str] | None:
        """Return a style sheet, script or picture with its media type."""
        return self._assets.get(name)


_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def distance(then: datetime.datetime, now: datetime.datetime) -> str:
    """Say how far *then* is from *now*, by the rule that the script has: `in 3 days`."""
    seconds = round((then - now).total_seconds())
    # Two of a unit before it is used: "36 hours" says more than "1 day".
    size, unit = next((step for step in _STEPS if abs(seconds) >= 2 * step[0]), _STEPS[-1])
    count = abs(seconds) // size
    text = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"in {text}" if seconds >= 0 else f"{text} ago"


def moment(time: datetime.datetime) -> str:
    """Write a point in time, in UTC, to the second."""
    return f"{time.astimezone(datetime.timezone.utc):%-d %b %Y, %H:%M:%S}"


def day(time: datetime.datetime) -> str:
    """Write the date of a point in time, in UTC."""
    return f"{time.astimezone(datetime.timezone.utc):%-d %b %Y}"


def percent(share: float) -> str:
    """Write a share as an SVG length."""
    return f"{share * 100:.3f}%"


def grouped_fingerprint(fingerprint: str) -> list[str]:
    """Write a fingerprint in groups of eight bytes, so that two can be compared by eye."""
    upper = fingerprint.upper()
    pairs = [upper[index : index + 2] for index in range(0, len(upper), 2)]
    return [":".join(pairs[index : index + 8]) for index in range(0, len(pairs), 8)]


def short_serial(serial: str) -> str:
    """Shorten a serial number to its beginning and end, enough to tell two apart."""
    return serial if len(serial) <= 12 else f"{serial[:4]}…{serial[-6:]}"  # noqa: PLR2004  # Shown once.
