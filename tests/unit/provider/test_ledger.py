"""What the authority remembers of the certificates that it issued."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

import pytest

from self_signed_provider.ledger import (
    Departures,
    Entry,
    Ledger,
    Revocation,
    fingerprint_of,
    restored,
    revoke_departed,
)

if TYPE_CHECKING:
    from charmlibs.interfaces.tls_certificates import Certificate

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def entry(serial: int, **changes: object) -> Entry:
    made = Entry(
        serial=serial,
        relation_id=1,
        requirer="app/0",
        names=("app",),
        key_sha256=f"key{serial}",
        authority="ca",
        not_after=NOW + DAY,
        fingerprint=f"print{serial}",
    )
    return dataclasses.replace(made, **changes)  # pyright: ignore[reportArgumentType]


def test_expired_are_forgotten() -> None:
    """An entry stays until its certificate has expired, and not longer."""
    book = Ledger().add([entry(1, not_after=NOW), entry(2, not_after=NOW - DAY)])
    assert list(book.prune(NOW)) == [entry(1, not_after=NOW)]


def test_expired_are_kept_while_they_stand() -> None:
    """What a relation still shows is kept, so that it need not be parsed in every hook."""
    book = Ledger().add([entry(1, not_after=NOW - DAY), entry(2, not_after=NOW - DAY)])
    assert [e.serial for e in book.prune(NOW, {"print1"})] == [1]
    assert book.prune(NOW, {"print1"}).living(NOW) == []


def test_revoked_once() -> None:
    """A certificate that was revoked keeps the time and the reason of the first time."""
    book = Ledger().add([entry(1)]).revoke(lambda _: True, Revocation.DEPARTED, NOW)
    again = book.revoke(lambda _: True, Revocation.CA_COMPROMISED, NOW + DAY)
    assert again.entries[1].revoked_at == NOW
    assert again.entries[1].reason is Revocation.DEPARTED


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        pytest.param(Revocation.OPERATOR, {"key1"}, id="revoked by an operator"),
        pytest.param(Revocation.DEPARTED, set(), id="left"),
        pytest.param(Revocation.CA_COMPROMISED, set(), id="the CA's key was lost"),
    ],
)
def test_keys_refused(reason: Revocation, refused: set[str]) -> None:
    """A requirer's key is refused when it is to blame."""
    book = Ledger().add([entry(1)]).revoke(lambda _: True, reason, NOW)
    assert book.refused_keys == refused


@pytest.mark.parametrize(
    ("gone", "revoked"),
    [
        pytest.param(Departures(), set(), id="nobody"),
        pytest.param(Departures(units=frozenset({(1, "app/0")})), {1}, id="a unit left"),
        pytest.param(Departures(relations=frozenset({2})), {3}, id="a relation went"),
        pytest.param(Departures(present=frozenset({(1, "app/0")})), {2, 3}, id="who is left"),
        pytest.param(Departures(present=frozenset()), {1, 2, 3}, id="nobody is left"),
    ],
)
def test_departed_are_revoked(gone: Departures, revoked: set[int]) -> None:
    """What is held by a requirer that has gone is revoked; superseded ones are not."""
    book = Ledger().add([entry(1), entry(2, requirer="app/1"), entry(3, relation_id=2)])
    after = revoke_departed(book, gone, NOW)
    assert {e.serial for e in after if e.revoked_at} == revoked


def test_lives_under_its_own_authority() -> None:
    """An authority needs lists for as long as one of its own certificates has not expired."""
    book = Ledger().add([entry(1), entry(2, not_after=NOW - DAY, authority="old")])
    assert book.lives_under("ca", NOW)
    assert not book.lives_under("old", NOW)
    assert not book.lives_under("ca", NOW + 2 * DAY)


def test_key_is_refused_after_its_certificate_expired() -> None:
    """An entry is forgotten at its expiry; that its key was revoked is not."""
    book = Ledger().add([entry(1)]).revoke(lambda _: True, Revocation.OPERATOR, NOW)
    later = book.prune(NOW + 2 * DAY)
    assert (list(later), later.refused_keys) == ([], {"key1"})


def test_restored_from_what_stands_in_relations() -> None:
    """After damage, what the relations show is put back, with the marks of an operator."""
    standing = [(entry(1), False), (entry(2), True)]
    book = restored(Ledger(), standing, NOW)
    assert {e.serial: e.reason for e in book} == {1: None, 2: Revocation.OPERATOR}
    assert book.refused_keys == {"key2"}


def test_nothing_to_restore() -> None:
    """A ledger that has everything is better than what the relations show, and is kept."""
    book = Ledger().add([entry(1)]).revoke(lambda _: True, Revocation.DEPARTED, NOW)
    assert restored(book, [(entry(1), False)], NOW) is book


def test_older_entry_gets_its_fingerprint() -> None:
    """What a version wrote that kept no fingerprints is completed by what stands."""
    revoked = entry(1, fingerprint="", revoked_at=NOW, reason=Revocation.DEPARTED)
    book = restored(Ledger().add([revoked]), [(entry(1), False)], NOW)
    assert book.entries[1] == dataclasses.replace(revoked, fingerprint="print1")


def test_fingerprint_is_the_certificates(root: Certificate) -> None:
    """A certificate's fingerprint is known from its text alone; other text has none."""
    assert fingerprint_of(root.raw) == root.sha256_fingerprint
    assert fingerprint_of("garbage") == fingerprint_of("gärbage") == ""


@pytest.mark.parametrize(("number", "text"), [(0x1F, "1F"), (0xABC, "0ABC")])
def test_serial_number_as_openssl_writes_it(number: int, text: str) -> None:
    """A serial number is written in whole bytes, so that it is found in what openssl prints."""
    assert entry(number).serial_hex == text
