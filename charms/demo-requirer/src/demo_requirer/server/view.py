"""What one connection's page and JSON say: a value made from what is served, and the time."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import TYPE_CHECKING, Any

from demo_requirer.pairs import serial_hex

if TYPE_CHECKING:
    import ssl

    from demo_requirer.store import Renewal

    from . import describe
    from .tls import PairContext, Terminal


HISTORY_SHOWN = 12
"""How many renewals the page lists; `/certificate.json` has all that are remembered."""


RENEWAL_GRACE = datetime.timedelta(minutes=1)
"""How long after its time a renewal may be under way before it is called overdue."""
NAMES_SHOWN = 12
"""How many names the page shows before its reader asks for the others."""


class State(enum.Enum):
    """How things are with the certificate of a connection; the value is the word on its badge."""

    VALID = "Valid"
    DUE = "Renewal overdue"
    REPLACED = "Replaced"
    WITHDRAWN = "No longer served"
    EXPIRED = "Expired"

    @property
    def tone(self) -> str:
        """Name the style of the badge and the bar."""
        tones = {State.VALID: "good", State.DUE: "warn", State.REPLACED: "past"}
        return tones.get(self, "bad")


@dataclasses.dataclass(frozen=True)
class HistoryRow:
    """One renewal, and where its certificate's lifetime lies among those listed."""

    renewal: Renewal
    serial_number: str
    start: float
    """Share of the time that the list covers, from 0 to 1."""
    length: float
    """Likewise."""
    is_here: bool
    """Whether this connection was served with it."""
    is_served_now: bool
    """Whether a new connection would be."""
    slots_differ: bool
    """Whether the list has renewals of several certificates, so that it must say which."""


@dataclasses.dataclass(frozen=True)
class View:
    """One connection's certificate, and what is served to others meanwhile."""

    title: str
    notice: str
    here: describe.Certificate
    """What this very connection was served with; it stays with it as long as it is open."""
    asked_name: str | None
    """The server name that the client asked for."""
    tls_version: str
    cipher: str
    served_now: describe.Certificate | None
    """What a new connection that asks for the same name gets; None when it is refused."""
    others: tuple[describe.Certificate, ...]
    """What clients that ask for another name may get."""
    history: tuple[Renewal, ...]
    """Latest first."""
    renewals: int
    now: datetime.datetime

    @classmethod
    def of_connection(
        cls,
        terminal: Terminal,
        tls: ssl.SSLObject,
        context: PairContext,
        now: datetime.datetime,
    ) -> View:
        """Gather what there is to say to the client of one connection."""
        content = terminal.content
        asked = terminal.asked_name(tls)
        served = terminal.served_now(asked)
        cipher = tls.cipher()
        return cls(
            title=content.title if content else "",
            notice=content.notice if content else "",
            here=context.certificate,
            asked_name=asked,
            tls_version=(tls.version() or "").replace("v", " "),
            cipher=cipher[0] if cipher else "",
            served_now=served.certificate if served else None,
            others=tuple(
                other.certificate
                for other in terminal.served_to_anybody()
                if other is not served and other is not context
            ),
            history=tuple(reversed(content.history)) if content else (),
            renewals=content.renewals if content else 0,
            now=now,
        )

    @property
    def is_current(self) -> bool:
        """Whether a new connection would get the certificate that this one has."""
        return self.served_now is not None and (
            self.served_now.leaf.sha256_fingerprint == self.here.leaf.sha256_fingerprint
        )

    @property
    def state(self) -> State:
        """Say how things are with this connection's certificate, the worst first."""
        if self.now > self.here.leaf.not_after:
            return State.EXPIRED
        if self.served_now is None:
            return State.WITHDRAWN
        if not self.is_current:
            return State.REPLACED
        due = self.here.renewal_time
        return State.DUE if due is not None and self.now >= due + RENEWAL_GRACE else State.VALID

    @property
    def history_rows(self) -> tuple[HistoryRow, ...]:
        """Return the latest renewals as the page lists them."""
        shown = self.history[:HISTORY_SHOWN]
        if not shown:
            return ()
        begin = min(renewal.not_before for renewal in shown)
        whole = max(renewal.not_after for renewal in shown) - begin
        return tuple(
            HistoryRow(
                renewal=renewal,
                serial_number=serial_hex(renewal.serial_number),
                start=(renewal.not_before - begin) / whole,
                length=(renewal.not_after - renewal.not_before) / whole,
                is_here=renewal.fingerprint == self.here.leaf.sha256_fingerprint,
                is_served_now=self.served_now is not None
                and renewal.fingerprint == self.served_now.leaf.sha256_fingerprint,
                slots_differ=len({renewal.slot for renewal in shown}) > 1,
            )
            for renewal in shown
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as `/certificate.json` shows it."""
        return {
            "title": self.title,
            "notice": self.notice,
            "now": self.now.isoformat(),
            "connection": {
                "tls_version": self.tls_version,
                "cipher": self.cipher,
                "asked_name": self.asked_name,
                **self.here.to_json(),
            },
            "served_now": self.served_now and self.served_now.to_json(),
            "is_current": self.is_current,
            "others": [other.to_json() for other in self.others],
            "renewals": self.renewals,
            "history": [
                {
                    "at": renewal.at.isoformat(),
                    "slot": renewal.slot,
                    "kind": renewal.kind,
                    "serial_number": serial_hex(renewal.serial_number),
                    "sha256_fingerprint": renewal.fingerprint,
                    "issuer": renewal.issuer,
                    "not_before": renewal.not_before.isoformat(),
                    "not_after": renewal.not_after.isoformat(),
                }
                for renewal in self.history
            ],
        }
