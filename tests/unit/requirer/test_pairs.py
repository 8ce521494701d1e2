"""A chain and its key: what may be served, and what is refused with which words."""

from __future__ import annotations

import base64
import dataclasses
import datetime

import pytest
from cryptography.hazmat.primitives import serialization

from demo_requirer import pairs
from tests.unit.requirer.authority import NOW, Authority, key, key_pem
from tests.unit.requirer.conftest import pair_of

DAY = datetime.timedelta(days=1)


def test_presented_without_the_root(authority: Authority) -> None:
    """The leaf and its intermediate go over the wire; the root, which clients hold, does not."""
    pair = pair_of(authority.intermediate().issue("web"))
    assert pair.ends_in_root
    assert pair.presented.count("BEGIN CERTIFICATE") == 2
    assert len(pair.chain) == 3


def test_chain_without_root_is_presented_whole(authority: Authority) -> None:
    """A provider may send no root: all there is goes over the wire."""
    leaf = authority.intermediate().issue("web")
    pair = pairs.make_pair("unit web", leaf.chain[:2], leaf.key)
    assert pair.presented.count("BEGIN CERTIFICATE") == 2


def _misordered(authority: Authority) -> tuple[list[str], str]:
    leaf = authority.intermediate().issue("web")
    first, second, third = leaf.chain
    return [first, third, second], leaf.key


def _incomplete(authority: Authority) -> tuple[list[str], str]:
    leaf = authority.intermediate().issue("web")
    return [leaf.chain[0], leaf.chain[2]], leaf.key


def _other_key(authority: Authority) -> tuple[list[str], str]:
    return authority.issue("web").chain, key_pem(key("ecdsa", 9))


def _no_pem(authority: Authority) -> tuple[list[str], str]:
    leaf = authority.issue("web")
    return ["MIIB", *leaf.chain], leaf.key


def _key_that_reads_as_a_certificate(authority: Authority) -> tuple[list[str], str]:
    """Of which the parser quotes the line that it stumbles over."""
    pem = f"-----BEGIN CERTIFICATE-----\n{'secret' * 20}\n\n-----END CERTIFICATE-----\n"
    return [pem], authority.issue("web").key


def _no_key(authority: Authority) -> tuple[list[str], str]:
    return authority.issue("web").chain, "-----BEGIN PRIVATE KEY-----\nsecret\n"


def _empty(authority: Authority) -> tuple[list[str], str]:
    return [], authority.issue("web").key


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(_misordered, "number 0 of the chain .* is not signed by", id="misordered"),
        pytest.param(_incomplete, "is not signed by number 1", id="link missing"),
        pytest.param(_other_key, "the private key does not fit", id="key of another"),
        pytest.param(_no_pem, "number 0 of the chain is no PEM certificate", id="not PEM"),
        pytest.param(_key_that_reads_as_a_certificate, "is no PEM certificate", id="a key in it"),
        pytest.param(_no_key, "is not an unencrypted PEM key", id="no key"),
        pytest.param(_empty, "the chain is empty", id="nothing"),
    ],
)
def test_refused(make: object, says: str, authority: Authority) -> None:
    """What no client could verify is refused, with the reason and without the key."""
    chain, private_key = make(authority)  # type: ignore[operator]
    with pytest.raises(pairs.UnusablePairError, match=says) as caught:
        pairs.make_pair("unit web", chain, private_key)
    assert "secret" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("now", "says"),
    [
        pytest.param(NOW - DAY, "not valid before", id="early"),
        pytest.param(NOW, None, id="in time"),
        pytest.param(NOW + 100 * DAY, "expired at", id="late"),
    ],
)
def test_dates(now: datetime.datetime, says: str | None, authority: Authority) -> None:
    """Whether a pair may be presented depends on the clock."""
    problem = pair_of(authority.issue("web")).date_problem(now)
    assert problem is None if says is None else says in str(problem)


def test_no_key_in_repr(authority: Authority) -> None:
    """A pair that gets into a log or a traceback does not show its key."""
    pair = pair_of(authority.issue("web"))
    assert "PRIVATE KEY" not in repr(pair)
    assert "PRIVATE KEY" in dataclasses.astuple(pair)[2]


def test_trusted_root(authority: Authority) -> None:
    """A chain leads to its own root, given in the chain or not, and to no other."""
    leaf = authority.intermediate().issue("web")
    whole = pair_of(leaf)
    rootless = pairs.make_pair("unit web", leaf.chain[:2], leaf.key)
    other = Authority.root("Other", number=1).root_pem
    for pair in (whole, rootless):
        assert pairs.trusted_by(pair, [other, authority.root_pem])
        assert not pairs.trusted_by(pair, [other])


def test_certificates_in(authority: Authority) -> None:
    """A stranger's texts may be bundles, doubles or nonsense: each certificate is taken once."""
    other = Authority.root("Other", number=1).root_pem
    both = authority.root_pem + other
    found = pairs.certificates_in(["nonsense", both, other, ""])
    assert found == (authority.root_pem.strip(), other.strip())


def _of_version(authority: Authority, version: int) -> str:
    """Return the root's certificate with another version in it."""
    der = authority.chain[-1].public_bytes(serialization.Encoding.DER)
    # The version is the first thing in it: explicitly tagged, an integer, 2 for version 3.
    spoilt = der.replace(b"\xa0\x03\x02\x01\x02", bytes([0xA0, 3, 2, 1, version]), 1)
    body = base64.encodebytes(spoilt).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def test_certificate_of_no_known_version(authority: Authority) -> None:
    """A certificate of a version that there is not is passed over, and is no part of a chain."""
    odd = _of_version(authority, 1)
    assert pairs.certificates_in([odd, authority.root_pem]) == (authority.root_pem.strip(),)
    leaf = authority.issue("web")
    with pytest.raises(pairs.UnusablePairError, match="number 1 of the chain is no PEM"):
        pairs.make_pair("unit web", [leaf.chain[0], odd], leaf.key)


def test_shared_key_is_checked_once(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred certificates of one large key take no hundred checks of it."""
    leaf = authority.issue("web", number=77)
    checked: list[bytes] = []
    load = pairs.serialization.load_pem_private_key

    def count(data: bytes, password: None) -> object:
        checked.append(data)
        return load(data, password)

    monkeypatch.setattr(pairs.serialization, "load_pem_private_key", count)
    for slot in ("unit web-1", "unit web-2", "unit web-3"):
        pair_of(leaf, slot)
    assert len(checked) == 1


@pytest.mark.parametrize(("number", "text"), [(0x1F, "1F"), (0xABC, "0ABC")])
def test_serial_number_as_openssl_writes_it(number: int, text: str) -> None:
    """A serial number is written in whole bytes, so that it is found in what openssl prints."""
    assert pairs.serial_hex(number) == text
