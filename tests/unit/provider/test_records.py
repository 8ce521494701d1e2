"""The memory in the peers' databag: read back as it was written, and as far as it can be."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

import pytest

from self_signed_provider import records
from self_signed_provider.ca import Authority, Phase
from self_signed_provider.config import ProviderConfig
from self_signed_provider.ledger import Entry, Ledger, Revocation
from self_signed_provider.origin import Brought, Made

if TYPE_CHECKING:
    from charmlibs.interfaces.tls_certificates import Certificate

NOW = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.timezone.utc)


INFINITE = '{"serial": "1", "relation": Infinity, "requirer": "", "names": [], "key": ""}'


class CountingDict(dict[str, str]):
    """A databag that counts what is written into it."""

    writes = 0

    def __setitem__(self, key: str, value: str) -> None:
        self.writes += 1
        super().__setitem__(key, value)


def entry(serial: int, **revoked: Any) -> Entry:
    return Entry(serial, 3, "app/0", ("a", "10.0.0.1"), "abc", "ca", NOW, "print", **revoked)


@pytest.fixture
def memory(root: Certificate, other_root: Certificate) -> records.Memory:
    revoked = entry(2**100, revoked_at=NOW, reason=Revocation.DEPARTED)
    return records.Memory(
        config=ProviderConfig.model_validate({"certificate_validity": "60s"}),
        authorities=(
            Authority(root, (other_root,), Made(("a", ""), "rsa-2048"), Phase.OUTGOING, NOW, NOW),
            Authority(other_root, (), Brought("ab"), Phase.ACTIVE, NOW),
        ),
        ledger=Ledger(refused_keys=frozenset({"gone"})).add([entry(1), revoked]),
        crl_numbers={"ca": 4},
        last_crls={"old": "PEM"},
        left=frozenset({"digest"}),
    )


def test_reads_back(memory: records.Memory) -> None:
    """What was remembered is the same in the next hook."""
    databag: dict[str, str] = {}
    records.write(memory, databag)
    assert records.read(databag) == memory


def test_written_once(memory: records.Memory) -> None:
    """What stands there already is not written again."""
    databag = CountingDict()
    records.write(memory, databag)
    first = databag.writes
    records.write(memory, databag)
    assert (first > 0, databag.writes) == (True, first)


@pytest.mark.parametrize(
    "key", ["configuration", "authorities", "issued", "refused-keys", "crl-numbers", "left"]
)
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("{", id="cut off"),
        pytest.param("7", id="a number"),
        pytest.param('"x"', id="text"),
        pytest.param('[{"serial": "zz"}, 7, null, [], "x"]', id="wrong types"),
        pytest.param(f"[{INFINITE}]", id="infinite"),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_damage_costs_itself_alone(
    memory: records.Memory, key: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged key is left out and reported; the others are read."""
    databag: dict[str, str] = {}
    records.write(memory, databag)
    read = records.read({**databag, key: damage})
    whole = {
        "authorities": memory.authorities,
        "issued": memory.ledger.entries,
        "refused-keys": memory.ledger.refused_keys,
        "left": memory.left,
    }
    found = {
        "authorities": read.authorities,
        "issued": read.ledger.entries,
        "refused-keys": read.ledger.refused_keys,
        "left": read.left,
    }
    whole.pop(key, None)
    assert {name: found[name] for name in whole} == whole
    assert key in caplog.text


def test_bad_entry_costs_itself_alone(memory: records.Memory) -> None:
    """One entry that cannot be read takes none of its neighbours with it."""
    databag: dict[str, str] = {}
    records.write(memory, databag)
    databag["issued"] = databag["issued"].replace("[{", '[{"serial":"no"},{', 1)
    assert records.read(databag) == memory


def test_written_before_there_was_more(memory: records.Memory) -> None:
    """What a version wrote that kept less is read: a revoked entry's key is refused by that."""
    databag: dict[str, str] = {}
    blamed = entry(3, revoked_at=NOW, reason=Revocation.OPERATOR)
    records.write(dataclasses.replace(memory, ledger=Ledger().add([blamed])), databag)
    databag.pop("refused-keys", None)
    assert records.read(databag).ledger.refused_keys == {"abc"}


def test_nothing_remembered() -> None:
    """An empty databag is an empty memory."""
    assert records.read({}) == records.Memory()
