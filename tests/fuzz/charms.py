"""Targets: what the two charms read themselves, from peers, operators, relations and files."""

import datetime
import functools
import json
import pathlib
import tempfile
from typing import Any

import pydantic
from hypothesis import strategies as st

from demo_requirer import pairs, store
from self_signed_provider import given, policy, records
from self_signed_provider.ca import Authority, Made, Phase
from self_signed_provider.config import ProviderConfig, describe
from self_signed_provider.ledger import Entry, Ledger
from tests.fuzz import forge, texts
from tests.fuzz.target import Target

GOOD = 3

# The provider's memory in the peers' databag


@functools.cache
def _memory() -> records.Memory:
    origin = Made(("ca", "", "", "", "", "", ""), "ecdsa-p256")
    authority = Authority(forge.root(), (), origin, Phase.ACTIVE, forge.NOW, forge.NOW)
    issued = [
        Entry(10**6 + number, 1, f"web/{number}", ("a",), "ab", "ca", forge.NOW, "f")
        for number in range(GOOD)
    ]
    return records.Memory(authorities=(authority,), ledger=Ledger().add(issued))


@functools.cache
def _written() -> dict[str, str]:
    databag: dict[str, str] = {}
    records.write(_memory(), databag)
    return databag


@functools.cache
def _good_entries() -> list[str]:
    return [json.dumps(one) for one in json.loads(_written()[records.ISSUED])]


_TIMES = st.one_of(st.datetimes().map(str), st.just(forge.NOW.isoformat()), texts.values)
_ENTRIES = texts.entries(
    serial=st.one_of(st.sampled_from(["AB", "-1", "", "0x1", "F" * 5000]), texts.values),
    relation=st.one_of(st.integers(), texts.values),
    requirer=texts.anything,
    names=st.lists(texts.values, max_size=2),
    key=texts.anything,
    authority=texts.anything,
    reason=st.sampled_from(["privilege-withdrawn", "cessation-of-operation", "other"]),
    **{"not-after": _TIMES, "revoked-at": _TIMES},
)
_AUTHORITIES = texts.entries(
    certificate=texts.certificates,
    chain=st.lists(texts.certificates, max_size=2),
    origin=st.one_of(st.just({"fingerprint": "a"}), texts.values),
    phase=st.one_of(st.sampled_from(["active", "outgoing"]), texts.values),
    since=_TIMES,
    **{"issued-until": _TIMES},
)


def check_records(case: tuple[texts.Items, str, str]) -> None:
    """What is damaged in the charm's memory is left out; the entries beside it are there."""
    listed, key, text = case
    databag = {**_written(), records.ISSUED: texts.written(listed, _good_entries())}
    found = records.read({**databag, key: text})
    if key != records.ISSUED:
        loadable = texts.written(texts.only_good(listed), _good_entries())
        expected = records.read({records.ISSUED: loadable}).ledger
        # Where one item is more than Python's parser takes, all of the list may be.
        if found.ledger.entries:
            assert set(expected.entries) <= set(found.ledger.entries)
    if key not in {records.AUTHORITIES, records.ISSUED}:
        assert found.authorities == _memory().authorities
    again: dict[str, str] = {}
    records.write(found, again)
    assert records.read(again).ledger.entries == found.ledger.entries


# What an operator brings or types


def check_given(content: dict[str, str]) -> None:
    """A CA that an operator brings can issue, or the reason why not is said without its key."""
    try:
        found = given.read(content, forge.NOW)
    except given.WrongCA as error:
        key = content.get("private-key", "")
        lines = [one for one in key.splitlines() if len(one) > 20 and "-----" not in one]
        assert all(line not in f"{error} {error.__cause__}" for line in lines)
        return
    assert found.certificate.matches_private_key(found.key)


def check_config(options: dict[str, Any]) -> None:
    """Options are a configuration that is read back as it was written, or a line says why not."""
    try:
        config = ProviderConfig.model_validate(options)
    except pydantic.ValidationError as error:
        assert "\n" not in describe(error)
        return
    assert ProviderConfig.model_validate_json(config.model_dump_json()) == config
    assert config.overlap >= datetime.timedelta()


_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(texts.values, texts.anything, st.sampled_from(["1d", "0", "9" * 9, "-1"]))
        for name in ProviderConfig.model_fields
    },
)

_HOSTS = st.one_of(
    texts.anything,
    st.sampled_from(
        ["a.example", "*.a.example", "A.EXAMPLE.", "10.0.0.1", "ä.example", "x.b.example"]
    ),
)
_ADDRESSES = st.one_of(
    texts.anything,
    st.sampled_from(
        ["a@a.example", "https://a.example/", "https://[::1", "x:y@a.example", "//", "mailto:a@b"]
    ),
)


def check_policy(
    case: tuple[list[str], list[str], list[str], list[str], bool, list[str], bool],
) -> None:
    """Whatever names are asked for, they are granted or denied; none outside is granted."""
    common_names, dns_names, ips, addresses, is_ca, domains, subdomains = case
    wish = policy.wish_for(
        common_names=common_names,
        dns_names=dns_names,
        ips=ips,
        addresses=addresses,
        is_ca=is_ca,
        key="ab",
    )
    granted = policy.Policy(
        domains=tuple(domains), subdomains=subdomains, sub_authorities=True, wildcards=subdomains
    )
    denial = policy.why_deny(wish, granted, 0)
    if denial is not None:
        denial.error().model_dump_json()
        return
    if domains:
        endings = tuple(f".{domain}" for domain in domains) if subdomains else ()
        for name in wish.dns_names:
            host = name.lower().rstrip(".").removeprefix("*.")
            assert host in domains or host.endswith(endings)


# What the requirer serves


def check_pairs(case: tuple[list[str], str]) -> None:
    """A chain and a key are a pair, or it is said why not; bundles of any text are read."""
    chain, key = case
    found = pairs.certificates_in(chain)
    assert pairs.certificates_in(found) == found
    try:
        pair = pairs.make_pair("unit web", chain, key)
    except pairs.UnusablePairError as error:
        lines = [one for one in key.splitlines() if len(one) > 20 and "-----" not in one]
        assert all(line not in f"{error} {error.__cause__}" for line in lines)
        return
    pairs.trusted_by(pair, found)
    pair.date_problem(forge.NOW)
    assert pairs.make_pair("unit web", pair.chain, pair.private_key) == pair


_CHAINS = st.one_of(
    st.lists(texts.certificates, max_size=3),
    texts.certificates.map(lambda one: [forge.leaf(0).raw, forge.root().raw, one]),
    texts.certificates.map(lambda one: [one, forge.root().raw]),
    st.just([forge.leaf(0).raw, forge.root().raw]),
)


@functools.cache
def _content() -> store.Content:
    pair = pairs.make_pair(
        "unit web", [forge.leaf(0).raw, forge.root().raw], forge.key(1).raw, forge.NOW
    )
    return store.Content("web/0", "A notice.", (pair,), (forge.root().raw,), (), 1)


def check_store(case: tuple[str, bytes | None]) -> None:
    """Files that are not what was written are told of, and never served."""
    name, content = case
    with tempfile.TemporaryDirectory(
        dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
    ) as folder:
        written = store.Store(pathlib.Path(folder) / "store")
        written.write(_content())
        current = written.current_set()
        assert current is not None
        path = written.set_folder(current) / name
        before = path.read_bytes()
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        try:
            found = written.read()
        except store.StoreDamagedError:
            assert content != before
        else:
            assert (found, content) == (_content(), before)
        assert written.write(_content()) is (content != before)
        assert written.read() == _content()


_CONTENTS = st.one_of(
    st.none(),
    st.binary(max_size=20),
    texts.jsons.map(str.encode),
    texts.HOSTILE.map(lambda text: text.encode(errors="surrogatepass")),
    texts.HOSTILE.map(lambda text: f'{{"pairs": {text}}}'.encode(errors="surrogatepass")),
)

_CA = st.one_of(
    texts.certificates,
    st.just(forge.root().raw),
    st.just(forge.root().raw),
    st.integers(1, 100_000).map(lambda count: "-----BEGIN CERTIFICATE-----\n" * count),
)
TARGETS = [
    Target(
        "records",
        st.tuples(
            texts.items(st.one_of(texts.HOSTILE, _ENTRIES, _ENTRIES), GOOD),
            st.sampled_from([records.CONFIGURATION, records.AUTHORITIES, records.ISSUED])
            | st.sampled_from([records.REFUSED_KEYS, records.CRL_NUMBERS, records.LAST_CRLS]),
            st.one_of(
                texts.broken,
                st.lists(_AUTHORITIES, max_size=2).map(lambda items: f"[{','.join(items)}]"),
            ),
        ),
        check_records,
    ),
    Target(
        "given",
        st.fixed_dictionaries(
            {},
            optional={
                "certificate": _CA,
                "private-key": st.one_of(texts.private_keys, st.just(forge.key(0).raw)),
                "chain": st.one_of(_CA, _CA.map(lambda one: one * 3)),
            },
        ),
        check_given,
    ),
    Target("config", _OPTIONS, check_config),
    Target(
        "policy",
        st.tuples(
            *[st.lists(_HOSTS, max_size=3)] * 3,
            st.lists(_ADDRESSES, max_size=3),
            st.booleans(),
            st.lists(st.sampled_from(["a.example", "b.example"]), max_size=2),
            st.booleans(),
        ),
        check_policy,
    ),
    Target(
        "pairs",
        st.tuples(_CHAINS, st.one_of(texts.private_keys, st.just(forge.key(1).raw))),
        check_pairs,
    ),
    Target(
        "store",
        st.tuples(st.sampled_from(["content.json", "0.pem", "0.key"]), _CONTENTS),
        check_store,
        2,
    ),
]
