"""Reading and writing, over many made-up databags and values."""

import ipaddress
import json
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateSigningRequest,
    PrivateKey,
    ProviderCapabilities,
    _issuing,
    _outgoing,
    _wire,
)
from tests.unit.lib import keys
from tests.unit.lib.made_up import DAY, NOW, PLACES, VALIDITIES, A, answer, authority, request

GARBAGE = ["", "text", None, 7, [], {}, {"certificate_signing_request": 3}, {"csr": []}]


# The wire


@settings(deadline=None)
@given(st.lists(st.sampled_from(PLACES)), st.data())
def test_reading_is_isolated(places: list[tuple[str, str]], data: st.DataObject) -> None:
    """Garbage anywhere in a databag leaves what was there as it was."""
    good = [
        _wire.RequestEntry(request(*place).certificate_signing_request.raw, False).to_json()
        for place in places
    ]
    mixed: list[Any] = list(good)
    for one in data.draw(st.lists(st.sampled_from(GARBAGE))):
        mixed.insert(data.draw(st.integers(0, len(mixed))), one)
    read = _wire.Reader().requests(json.dumps(mixed))
    assert [one.to_json() for one in read.entries] == good
    assert len(read.rejected) == len(mixed) - len(good)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*PLACES, None]), max_size=30))
def test_reading_is_linear(places: list[tuple[str, str] | None]) -> None:
    """Parses are at most the distinct texts, good or not."""
    parsed: list[bytes] = []
    load = x509.load_pem_x509_csr

    def counting(pem: bytes) -> x509.CertificateSigningRequest:
        parsed.append(pem)
        return load(pem)

    texts = [
        "no PEM" if one is None else request(*one).certificate_signing_request.raw
        for one in places
    ]
    reader = _wire.Reader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(x509, "load_pem_x509_csr", counting)
        for text in texts:
            try:
                reader.request(text)
            except ValueError:
                assert text == "no PEM"
    assert len(parsed) == len(set(texts))


@given(st.text())
def test_no_text_raises(text: str) -> None:
    """Whatever a remote side writes, reading it does not raise."""
    reader = _wire.Reader()
    for read in (reader.requests, reader.certificates, reader.errors):
        assert read(text).entries == ()
    _wire.read_capabilities(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_no_json_raises(value: Any) -> None:
    """Nor does any JSON."""
    reader = _wire.Reader()
    text = json.dumps(value)
    for read in (reader.requests, reader.certificates, reader.errors):
        read(text)
    _wire.read_capabilities(text)
    _outgoing.from_content({"entries": text}, None, reader)


# Round trips of values

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
DNS = st.lists(LABEL, min_size=2, max_size=4).map(".".join)
IP = st.ip_addresses()
# Names in every script; control characters are no part of a name.
SCRIPT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=64
)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=70))
def test_common_name_is_asked_for_or_a_problem(common_name: str) -> None:
    """Whatever an operator types as a common name, it makes a request, or the problem is said."""
    attributes = A(common_name=common_name)
    if attributes.is_valid():
        assert attributes.generate_csr(keys.key()).common_name == common_name


def spellings(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[str]:
    return [str(address), address.exploded, address.exploded.upper()]


@settings(max_examples=60, deadline=None)
@given(
    common_name=SCRIPT.filter(lambda text: len(text.encode()) <= 64),
    organization=SCRIPT,
    locality_name=SCRIPT,
    sans_dns=st.lists(DNS, max_size=4),
    addresses=st.lists(IP, max_size=4),
    is_ca=st.booleans(),
    spelling=st.integers(0, 2),
)
def test_attributes_round_trip(
    addresses: list[ipaddress.IPv4Address], spelling: int, is_ca: bool, **texts: Any
) -> None:
    """What a request says is what was asked for, in every script and every spelling."""
    attributes = A(sans_ip=[spellings(one)[spelling] for one in addresses], is_ca=is_ca, **texts)
    assert attributes.problems == ()
    csr = attributes.generate_csr(keys.key())
    assert A.from_csr(csr, is_ca) == attributes
    assert CertificateSigningRequest.from_string(csr.raw) == csr
    same = A(sans_ip=[str(one) for one in reversed(addresses)], is_ca=is_ca, **texts)
    assert same == attributes


def test_a_thousand_names() -> None:
    """A request may have a thousand alternative names, and so may its certificate."""
    names = {f"host-{number}.example.com" for number in range(1000)}
    csr = A(sans_dns=names).generate_csr(keys.key())
    made = _issuing.sign(csr, authority(), keys.key("ca"), DAY, NOW)
    assert made.sans_dns == names
    assert Certificate.from_string(made.raw).sans_dns == names


@pytest.mark.parametrize("key", [keys.key(), keys.rsa_key()])
def test_key_round_trip(key: PrivateKey) -> None:
    """A key is the same through its PEM."""
    assert PrivateKey.from_string(key.raw) == key
    assert PrivateKey.from_string(key.raw).raw == key.raw


@given(
    st.builds(
        ProviderCapabilities,
        supports_ip_sans=st.none() | st.booleans(),
        allowed_domains=st.none() | st.lists(st.text(st.characters(codec="utf-8"))),
    )
)
def test_capabilities_round_trip(capabilities: ProviderCapabilities) -> None:
    """What is published is what is read."""
    text = _wire.write_capabilities(capabilities)
    assert _wire.read_capabilities(text)[0] == capabilities


def test_outgoing_round_trip() -> None:
    """What is being replaced is the same through its secret, with its key or without."""
    made = answer(("a", "one"), VALIDITIES[0], revoked=False)
    csr = made.certificate_signing_request.raw
    entries = (_outgoing.OutgoingEntry(csr, made), _outgoing.OutgoingEntry("spent"))
    outgoing = _outgoing.Outgoing(keys.key("one"), entries)
    stored_key = outgoing.to_content(keep_key=True)
    assert _outgoing.from_content(stored_key, None, _wire.Reader()) == outgoing
    passed = outgoing.to_content(keep_key=False)
    assert set(passed) == {"entries"}
    assert _outgoing.from_content(passed, keys.key("one"), _wire.Reader()) == outgoing
