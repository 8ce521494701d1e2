"""The actions' parameters and results. Results are JSON texts, for programs to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import pydantic

from .ca import bundle, in_use

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator

    from .ca import Authority
    from .ledger import Entry, Ledger
    from .records import Memory


LONGEST = 100_000
"""How many characters of a result are handed to Juju at once."""
WHY_UNLISTED = "The key of this CA is lost: nobody can sign a revocation list for it any more."


def _serial(value: Any) -> int | None:
    """Read a serial number as tools print it: hexadecimal, with or without colons."""
    if value is None or isinstance(value, int):
        return value
    try:
        return int(str(value).replace(":", ""), 16)
    except ValueError:
        raise ValueError(
            f"must be hexadecimal, with or without colons; {value!r} is not"
        ) from None


class RevokeCertificate(pydantic.BaseModel):
    """The parameters of `revoke-certificate`: exactly one of them."""

    serial: Annotated[int | None, pydantic.BeforeValidator(_serial)] = None
    relation: int | None = None

    @pydantic.model_validator(mode="after")
    def _check_one(self) -> RevokeCertificate:
        if (self.serial is None) == (self.relation is None):
            raise ValueError("give either serial or relation")
        return self

    def picks(self, entry: Entry) -> bool:
        """Return whether *entry* is meant."""
        return entry.serial == self.serial or entry.relation_id == self.relation


def ca_certificate(authorities: tuple[Authority, ...]) -> dict[str, str] | None:
    """Return the CA in use, with all that clients are to trust; `None` if there is none."""
    authority = in_use(authorities)
    if authority is None:
        return None
    return {
        "ca-certificate": authority.certificate.raw,
        "ca-chain": json.dumps([link.raw for link in authority.chain]),
        "trust-bundle": "\n".join(root.raw for root in bundle(authorities)),
    }


def issued_certificates(book: Ledger, now: datetime.datetime) -> dict[str, str]:
    """Return what was issued and has not expired, soonest to expire first."""
    entries = sorted(book.living(now), key=lambda entry: (entry.not_after, entry.serial))
    return {"certificates": json.dumps([_describe(entry) for entry in entries])}


def revoked_certificates(entries: Iterable[Entry]) -> dict[str, str]:
    """Return what an action has just revoked."""
    return {"revoked": json.dumps([_describe(entry) for entry in entries])}


def revocation_lists(
    memory: Memory, lists: dict[str, str], unlisted: dict[str, list[Entry]]
) -> dict[str, str]:
    """Return revocation lists, by the id of their authority, and who has none.

    Args:
        memory: Whose numbers are those of *lists*.
        lists: In PEM.
        unlisted: What lives under each authority whose key is lost.
    """
    described = [
        {"authority": authority, "number": memory.crl_numbers.get(authority, 0), "crl": pem}
        for authority, pem in lists.items()
    ]
    results = {"crls": json.dumps(described), "crl-bundle": "\n".join(lists.values())}
    if unlisted:
        results["unlisted"] = json.dumps(
            [
                {
                    "authority": authority,
                    "why": WHY_UNLISTED,
                    "certificates": [_describe(entry) for entry in entries],
                }
                for authority, entries in unlisted.items()
            ]
        )
    return results


def parts(results: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield the results as they can be handed to Juju, one after the other.

    A hook tool takes its results as words of its command line, of which Linux allows 128 KiB each
    (and in all some 2 MB). So a long text comes in parts: `NAME-1`, `NAME-2` and so on, which make
    the text when they are put together. All texts here are ASCII.
    """
    for name, text in results.items():
        if len(text) <= LONGEST:
            yield {name: text}
            continue
        for number, start in enumerate(range(0, len(text), LONGEST), start=1):
            yield {f"{name}-{number}": text[start : start + LONGEST]}


def _describe(entry: Entry) -> dict[str, Any]:
    return {
        "serial": entry.serial_hex,
        "requirer": entry.requirer,
        "relation": entry.relation_id,
        "names": list(entry.names),
        "authority": entry.authority,
        "not-after": entry.not_after.isoformat(),
        "revoked": entry.revoked_at is not None,
        "revoked-at": entry.revoked_at and entry.revoked_at.isoformat(),
        "reason": entry.reason and entry.reason.value,
    }
