"""Secrets: owners, labels, revisions, grants, and who tracks which revision."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import enum
import hashlib
import json
import re
from typing import TYPE_CHECKING

from .errors import JujuError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

KEY = re.compile(r"[a-z](-?[a-z0-9]){2,}")
"""The form of a key in a secret's content: three characters at least (as Juju 4.0 has it)."""

LARGEST = 1_000_000
"""How many characters of base64 a secret's content may have, and one value in it (juju/juju#20287
and #20314, of 2025; before 64 KiB and 8 KiB)."""

REPEAT_EXPIRED = datetime.timedelta(minutes=5)
"""How long after a secret-expired hook it comes again while the revision is still there."""


class Expiry(str, enum.Enum):
    """How a model tells owners that a revision has expired."""

    EXACT = "exact"
    """At its time, and every five minutes while the revision is there."""
    EARLY = "juju-4.0"
    """As Juju 4.0 was seen to do it: up to a minute early (it rounds to minutes); and for a secret
    that was removed with its expiry pending, for ever, with an empty label."""
    LOST = "lost"
    """Never."""


class Rotation(str, enum.Enum):
    """How often the owner is asked for new content."""

    NEVER = "never"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"

    def after(self, moment: datetime.datetime) -> datetime.datetime | None:
        """Return when the next rotation is due if the last was at *moment*."""
        days = {"daily": 1, "weekly": 7, "monthly": 30, "quarterly": 91, "yearly": 365}
        if self is Rotation.NEVER:
            return None
        if self is Rotation.HOURLY:
            return moment + datetime.timedelta(hours=1)
        return moment + datetime.timedelta(days=days[self.value])


@dataclasses.dataclass(frozen=True)
class Owner:
    """Who may change a secret."""

    model: str
    kind: str
    """``application``, ``unit`` or ``model`` (a user's secret)."""
    name: str
    """The application's or unit's name; empty for the model."""


@dataclasses.dataclass(frozen=True)
class Reader:
    """An application or a unit, in whichever model, that may read a secret."""

    model: str
    name: str


@dataclasses.dataclass
class Revision:
    """One state of a secret's content."""

    content: Mapping[str, str] = dataclasses.field(repr=False)
    created: datetime.datetime
    expires: datetime.datetime | None = None
    expired_again: datetime.datetime | None = None
    """When secret-expired is due once more, after it was run."""
    obsolete_told: bool = False
    """Whether its owner was told that nobody tracks it."""

    @property
    def checksum(self) -> str:
        """A digest of the content, which ``show-secret`` shows."""
        return hashlib.sha256(json.dumps(dict(self.content), sort_keys=True).encode()).hexdigest()


@dataclasses.dataclass
class Consumer:
    """A unit that has read a secret."""

    tracking: int
    """The revision that it gets until it asks for a refresh."""
    told: int
    """The newest revision of which it was told, or that it read."""
    label: str = ""


@dataclasses.dataclass
class Secret:
    """A secret and everything known about who reads it."""

    id: str
    owner: Owner
    created: datetime.datetime
    updated: datetime.datetime
    label: str = ""
    """The owner's label; a user's secret has its name here."""
    description: str = ""
    rotation: Rotation = Rotation.NEVER
    rotates: datetime.datetime | None = None
    auto_prune: bool = False
    latest: int = 1
    revisions: dict[int, Revision] = dataclasses.field(default_factory=dict[int, Revision])
    grants: dict[Reader, int | None] = dataclasses.field(
        default_factory=dict[Reader, "int | None"]
    )
    """Who may read it, and by which relation (the owner's number of it; None for a user's)."""
    consumers: dict[Reader, Consumer] = dataclasses.field(default_factory=dict[Reader, Consumer])

    @property
    def uri(self) -> str:
        """How a charm names it."""
        return f"secret://{self.owner.model}/{self.id}"

    def add_revision(
        self, content: Mapping[str, str], now: datetime.datetime, expires: datetime.datetime | None
    ) -> bool:
        """Make *content* the newest revision unless it is equal; return whether it was made.

        The expiry belongs to the revision: a new one has none unless it is given.
        """
        if dict(content) == dict(self.revisions[self.latest].content):
            return False
        self.latest += 1
        self.revisions[self.latest] = Revision(dict(content), now, expires)
        self.updated = now
        return True

    def may_read(self, unit: Reader, app: Reader) -> bool:
        """Whether a unit of an application may read it."""
        if self.owner.model == unit.model and self.owner.name in {unit.name, app.name}:
            return True
        return unit in self.grants or app in self.grants

    def tracked(self) -> set[int]:
        """Return the revisions that some unit tracks."""
        return {consumer.tracking for consumer in self.consumers.values()}

    def prune(self) -> None:
        """Drop old revisions that nobody tracks, for a user's secret with auto-prune."""
        if self.auto_prune:
            keep = self.tracked() | {self.latest}
            self.revisions = {n: r for n, r in self.revisions.items() if n in keep}


def new_id(rng: random.Random) -> str:
    """Return an id in the form of Juju's: twenty digits of base 32."""
    return "".join(rng.choice("0123456789abcdefghijklmnopqrstuv") for _ in range(20))


def check_content(content: Mapping[str, str]) -> None:
    """Refuse content that Juju refuses.

    Raises:
        JujuError: Naming the key, never the value.
    """
    whole = 0
    for key, value in content.items():
        if not KEY.fullmatch(key):
            raise JujuError(f'key "{key}" not valid', 2)
        size = _base64_size(value)
        if size > LARGEST:
            text = f'base64 encoded secret content for key "{key}" too large: {size} bytes'
            raise JujuError(text, 2)
        whole += size
    if whole > LARGEST:
        raise JujuError(f"base64 encoded secret content too large: {whole} bytes", 2)


def _base64_size(value: str) -> int:
    return (len(value.encode()) + 2) // 3 * 4


def parse_content(words: Sequence[str], read_file: Callable[[str], str]) -> dict[str, str]:
    """Return the content that ``KEY=VALUE``, ``KEY#base64=…`` and ``KEY#file=…`` words give.

    Raises:
        JujuError: Naming the key that is wrong.
    """
    content: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        name, _, source = key.partition("#")
        if not equals or not value:
            raise JujuError(f'key value "{word}" not valid', 2)
        if source == "file":
            content[name] = read_file(value)
        elif source == "base64":
            try:
                content[name] = base64.b64decode(value, validate=True).decode()
            except ValueError:
                raise JujuError(f'the value of key "{name}" is not base64 of text', 2) from None
        else:
            content[name] = value
    check_content(content)
    return content


def parse_uri(text: str) -> tuple[str | None, str]:
    """Return the model's UUID, if it is named, and the secret's id.

    Takes every form that Juju takes: ``ID``, ``secret:ID``, ``secret://UUID/ID``, ``//UUID/ID``.

    Raises:
        JujuError: If it is none of these.
    """
    found = re.fullmatch(r"(?:secret:)?(?://([0-9a-f-]{36})/)?([0-9a-v]{20})", text)
    if not found:
        raise JujuError(f'secret URI "{text}" not valid')
    return found[1], found[2]


def parse_expiry(text: str, now: datetime.datetime) -> datetime.datetime:
    """Return the moment that ``--expire`` names: a Go duration from now, or RFC 3339.

    Raises:
        JujuError: If it is neither.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    if parts and "".join(n + u for n, u in parts) == text:
        seconds = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
        return now + datetime.timedelta(seconds=sum(float(n) * seconds[u] for n, u in parts))
    try:
        moment = datetime.datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError:
        moment = None
    if moment is None:
        raise JujuError(f'expire time or duration "{text}" not valid', 2)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
