"""What is to be served, out of what was offered and what is held: pure."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from . import identity
from .pairs import UnusablePairError, make_pair
from .store import HISTORY_LENGTH, Content, Renewal

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from .pairs import Pair


@dataclasses.dataclass(frozen=True)
class Offer:
    """What the relation has for one slot."""

    slot: str
    chain: tuple[str, ...]
    """PEM, leaf first; empty where `problem` says why there is none to be had."""
    private_key: str = dataclasses.field(repr=False)
    renewal_time: datetime.datetime | None
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class Serving:
    """The outcome: what is served, and what is not."""

    pairs: tuple[Pair, ...]
    refused: tuple[str, ...]
    """A sentence for each offer that is not served."""


@dataclasses.dataclass(frozen=True)
class Revoked:
    """What the provider says is revoked; fingerprints are SHA-256, in lower-case hexadecimal."""

    certificates: frozenset[str] = frozenset()
    """Fingerprints of certificates: never served, however long they would last."""
    requests: frozenset[tuple[str, str]] = frozenset()
    """What they were asked for: each public key's fingerprint, and the common name."""

    def takes(self, held: Pair) -> bool:
        """Tell whether a pair goes that is served and not offered any more.

        With a certificate goes what was served before it, under its key, for the same request.
        That may be answered anew, and the answer be revoked, before a hook here sees it: what is
        served then is not what is marked, and for all that it is no better. Other certificates
        of the key stay.
        """
        asked = (held.public_key_fingerprint, identity.common_name_of(held.slot))
        return held.fingerprint in self.certificates or asked in self.requests

    def was_last_in(self, latest: Renewal) -> bool:
        """Tell whether what was served last in a slot was revoked."""
        names = {name for _, name in self.requests}
        return (
            latest.fingerprint in self.certificates
            or identity.common_name_of(latest.slot) in names
        )


def what_to_serve(
    offers: Sequence[Offer],
    held: Sequence[Pair],
    wanted: Sequence[str],
    revoked: Revoked,
    now: datetime.datetime,
) -> Serving:
    """Decide which pairs are served.

    Args:
        offers: What the relation has; at most one for a slot.
        held: What is served now.
        wanted: The slots to fill, the default one first.
        revoked: What the provider says is revoked.
        now: Aware UTC.

    A slot gets its offer. One that has none, or none that is fit, keeps what it has while that is
    valid; so does any other slot while no wanted one can be filled, for a client is better served
    under an old name than not at all.
    """
    fresh: dict[str, Pair] = {}
    refused: list[str] = []
    usable = [pair for pair in held if not pair.date_problem(now) and not revoked.takes(pair)]
    for offer in offers:
        try:
            pair = _pair(offer, held)
        except UnusablePairError as error:
            refused.append(f"{offer.slot}: {error}")
            continue
        if pair.fingerprint in revoked.certificates:
            refused.append(f"{offer.slot}: the certificate is revoked")
        elif problem := pair.date_problem(now):
            refused.append(f"{offer.slot}: the certificate is {problem}")
        else:
            fresh[offer.slot] = pair
    kept = {pair.slot: pair for pair in usable}
    filled = [fresh.get(slot) or kept.get(slot) for slot in wanted]
    pairs = tuple(pair for pair in filled if pair is not None)
    return Serving(pairs or tuple(usable), tuple(refused))


def next_content(
    before: Content | None,
    pairs: tuple[Pair, ...],
    now: datetime.datetime,
    *,
    title: str,
    trusted: tuple[str, ...],
) -> Content:
    """Return the content that holds *pairs*, with what changed written into the history.

    What a reader of the page should know besides (`Content.notice`) is not known here yet.
    """
    earlier = before or Content(title)
    known = {pair.slot: pair for pair in earlier.pairs}
    changes = [
        Renewal(
            at=now,
            slot=pair.slot,
            serial_number=pair.serial_number,
            fingerprint=pair.fingerprint,
            issuer=pair.issuer,
            not_before=pair.not_before,
            not_after=pair.not_after,
            kind=kind_of_renewal(_predecessor(pair, known, earlier.history), pair),
        )
        for pair in pairs
        if pair.slot not in known or known[pair.slot].fingerprint != pair.fingerprint
    ]
    return Content(
        title=title,
        pairs=pairs,
        trusted=trusted,
        history=(*earlier.history, *changes)[-HISTORY_LENGTH:],
        renewals=earlier.renewals + sum(change.kind != FIRST for change in changes),
    )


class Gap(enum.Enum):
    """Why a slot that should be filled is empty; the value is the word for the status."""

    REVOKED = "revoked"
    EXPIRED = "expired"


def why_empty(
    content: Content, wanted: Sequence[str], revoked: Revoked, now: datetime.datetime
) -> Gap | None:
    """Say what became of the certificate of the first wanted slot that is empty, if it had one."""
    filled = {pair.slot for pair in content.pairs if not pair.date_problem(now)}
    latest = {renewal.slot: renewal for renewal in content.history}
    for slot in wanted:
        if slot in filled or slot not in latest:
            continue
        if revoked.was_last_in(latest[slot]):
            return Gap.REVOKED
        if latest[slot].not_after < now:
            return Gap.EXPIRED
    return None


FIRST = "first"


def kind_of_renewal(old: Pair | Renewal | None, new: Pair) -> str:
    """Say in words for people how *new* differs from what had its place."""
    if old is None:
        return FIRST
    if old.issuer != new.issuer:
        return "new authority"
    if isinstance(old, Renewal):
        # Expired, or revoked and taken away, before this one came.
        return "renewed after a gap"
    if old.public_key_fingerprint != new.public_key_fingerprint:
        return "new key"
    if (old.common_name, set(old.dns_names)) != (new.common_name, set(new.dns_names)):
        return "new names"
    return "renewed"


def _predecessor(
    pair: Pair, known: dict[str, Pair], history: Sequence[Renewal]
) -> Pair | Renewal | None:
    if pair.slot in known:
        return known[pair.slot]
    return next((one for one in reversed(history) if one.slot == pair.slot), None)


def _pair(offer: Offer, held: Sequence[Pair]) -> Pair:
    """Check an offer; one that is held already was checked when it came."""
    if offer.problem:
        raise UnusablePairError(offer.problem)
    chain = tuple(pem.strip() for pem in offer.chain)
    for pair in held:
        if pair.chain == chain and pair.private_key == offer.private_key.strip():
            return dataclasses.replace(pair, slot=offer.slot, renewal_time=offer.renewal_time)
    return make_pair(offer.slot, chain, offer.private_key, offer.renewal_time)
