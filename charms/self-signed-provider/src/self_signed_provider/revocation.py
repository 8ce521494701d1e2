"""The authorities' revocation lists: who needs one, with which number, signed by which key."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from . import ca, crl

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    from .ca import Authority
    from .ledger import Entry
    from .records import Memory
    from .vault import Vault


class RevocationLists:
    """Makes lists, and remembers their numbers. Only the leader may use it.

    Args:
        vault: Where the authorities' keys are.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def next(self, memory: Memory, now: datetime.datetime) -> tuple[Memory, dict[str, str]]:
        """Return the next list, in PEM, of each authority that needs one, by its id.

        These are the authorities under which certificates live, and the one in use if there are
        none. The memory that comes with them has their numbers.
        """
        book = memory.ledger
        living = [a for a in memory.authorities if book.lives_under(a.id, now)]
        in_use = ca.in_use(memory.authorities)
        lists = self._signed(memory, living or ([in_use] if in_use else []), now)
        final = {i: pem for i, pem in memory.last_crls.items() if book.lives_under(i, now)}
        memory = dataclasses.replace(_numbered(memory, lists, now), last_crls=final)
        return memory, lists | final

    def last(self, memory: Memory, now: datetime.datetime) -> Memory:
        """Keep a last list of every authority, whose key is about to be destroyed."""
        lists = self._signed(memory, memory.authorities, now, is_last=True)
        memory = _numbered(memory, lists, now)
        return dataclasses.replace(memory, last_crls=memory.last_crls | lists)

    def _signed(
        self,
        memory: Memory,
        authorities: Iterable[Authority],
        now: datetime.datetime,
        *,
        is_last: bool = False,
    ) -> dict[str, str]:
        """Return the lists of those *authorities* that have their keys still."""
        lists: dict[str, str] = {}
        for authority in authorities:
            key = self._vault.key(authority.certificate)
            if key is not None:
                lists[authority.id] = crl.build(
                    authority.certificate,
                    key,
                    memory.ledger.revoked_under(authority.id),
                    number=crl.next_number(memory.crl_numbers.get(authority.id), now),
                    now=now,
                    last_until=authority.issued_until if is_last else None,
                )
        return lists


def unlisted(
    memory: Memory, lists: Iterable[str], now: datetime.datetime
) -> dict[str, list[Entry]]:
    """Return who should have a list and has none, as its key is lost, with what lives under it.

    Args:
        memory: What is remembered.
        lists: The ids of the authorities that have one.
        now: Aware.

    Returns:
        The certificates that have not expired, by the id of their authority. It may be one of
        which no record is left; or the one in use, under which nothing lives yet.
    """
    living: dict[str, list[Entry]] = {}
    for entry in memory.ledger.living(now):
        living.setdefault(entry.authority, []).append(entry)
    in_use = ca.in_use(memory.authorities)
    if not living and in_use is not None:
        living[in_use.id] = []
    listed = frozenset(lists)
    return {authority: entries for authority, entries in living.items() if authority not in listed}


def _numbered(memory: Memory, lists: Iterable[str], now: datetime.datetime) -> Memory:
    """Return what to remember when these authorities have made another list each."""
    numbers = {i: crl.next_number(memory.crl_numbers.get(i), now) for i in lists}
    return dataclasses.replace(memory, crl_numbers=memory.crl_numbers | numbers)
