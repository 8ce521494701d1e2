"""Databag texts are read entry by entry, and written as every neighbour reads them."""

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from cryptography import x509

from charmlibs.interfaces.tls_certificates import CertificateError, ProviderCapabilities, _wire
from tests.unit.lib import keys

CSR, CERTIFICATE = keys.csr_of().raw, keys.authority().raw
REQUEST = {"certificate_signing_request": CSR, "ca": False}
ANSWER = {
    "certificate_signing_request": CSR,
    "certificate": CERTIFICATE,
    "ca": CERTIFICATE,
    "chain": [CERTIFICATE],
}
ERROR: dict[str, Any] = {"code": 101, "name": "ip_not_allowed", "message": "No."}


@pytest.mark.parametrize(
    ("written", "is_ca"),
    [
        pytest.param({"ca": True}, True, id="true"),
        pytest.param({"ca": False}, False, id="false"),
        pytest.param({"ca": None}, False, id="null"),
        pytest.param({}, False, id="missing"),
    ],
)
def test_ca_of_requests(written: dict[str, Any], is_ca: bool) -> None:
    """A missing or null `ca` reads as false, and is written as a boolean."""
    text = json.dumps([{"certificate_signing_request": f"\n{CSR}\n", **written}])
    (entry,) = _wire.Reader().requests(text).entries
    assert (entry.csr, entry.is_ca) == (CSR, is_ca)
    assert json.loads(_wire.write_entries([entry]))[0]["ca"] is is_ca


@pytest.mark.parametrize(
    ("written", "chain", "revoked"),
    [
        pytest.param({}, (CERTIFICATE,), False, id="v4"),
        pytest.param({"chain": None}, (), False, id="null chain"),
        pytest.param({"chain": []}, (), False, id="empty chain"),
        pytest.param({"revoked": None}, (CERTIFICATE,), False, id="null revoked"),
        pytest.param({"revoked": True}, (CERTIFICATE,), True, id="revoked"),
        pytest.param(
            {"recommended_expiry_notification_time": None}, (CERTIFICATE,), False, id="v3"
        ),
    ],
)
def test_certificates(written: dict[str, Any], chain: tuple[str, ...], revoked: bool) -> None:
    """What all versions write is read, and is written with a chain, `revoked` only when true."""
    (entry,) = _wire.Reader().certificates(json.dumps([{**ANSWER, **written}])).entries
    assert (entry.chain, entry.revoked) == (chain, revoked)
    (again,) = json.loads(_wire.write_entries([entry]))
    assert again["chain"] == list(chain)
    assert again.get("revoked", False) is revoked
    assert ("revoked" in again) is revoked
    assert set(written) - {"revoked"} <= set(again)


@pytest.mark.parametrize("other", [{}, {"csr": None}, {"certificate_signing_request": None}])
@pytest.mark.parametrize("name", ["csr", "certificate_signing_request"])
def test_errors(name: str, other: dict[str, None]) -> None:
    """The request's name is that of the libraries or of the schema; both are written."""
    (entry,) = _wire.Reader().errors(json.dumps([{**other, name: CSR, "error": ERROR}])).entries
    assert (entry.csr, entry.error) == (CSR, CertificateError(**ERROR))
    assert json.loads(_wire.write_entries([entry])) == [
        {"csr": CSR, "certificate_signing_request": CSR, "error": ERROR}
    ]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("text", id="text"),
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param({}, id="empty"),
        pytest.param({**ANSWER, "certificate": 7}, id="number"),
        pytest.param({**ANSWER, "ca": None}, id="no ca"),
        pytest.param({**ANSWER, "chain": "text"}, id="chain of another shape"),
        pytest.param({**ANSWER, "certificate": "\ud800"}, id="no Unicode text"),
        pytest.param({**ANSWER, "revoked": "perhaps"}, id="no boolean"),
    ],
)
def test_bad_entry_is_rejected_alone(bad: Any) -> None:
    """A bad entry is told of by its place and its reason, and its neighbours are read."""
    read = _wire.Reader().certificates(json.dumps([ANSWER, bad, ANSWER]))
    assert len(read.entries) == 2
    (rejected,) = read.rejected
    assert rejected.where == "certificates[1]"
    assert rejected.why
    assert "BEGIN" not in rejected.why


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("{}", id="an object"),
        pytest.param("null", id="null"),
        pytest.param("[" * 100_000, id="nested without end"),
        pytest.param("1" * 10_000, id="a number without end"),
        # Its end was looked for from every quote in it: days, for a million of them.
        pytest.param('["' + '\\"' * 1_000_000 + "]", id="a string without end"),
    ],
)
def test_bad_databag_is_rejected(text: str) -> None:
    """A text of another shape is rejected as a whole, and does not raise."""
    for read in (_wire.Reader().requests, _wire.Reader().certificates, _wire.Reader().errors):
        assert read(text).entries == ()
        assert len(read(text).rejected) == 1


def test_reason_is_short() -> None:
    """Of what is wrong with an entry, the first few things are said, and how many there are."""
    (rejected,) = _wire.Reader().certificates(json.dumps([{**ANSWER, "chain": [7] * 50}])).rejected
    assert rejected.why.startswith("chain.0: ")
    assert rejected.why.endswith("; and 47 more")


def test_nothing_is_nothing() -> None:
    """A key that is not there has no entries, and none deletes the key."""
    assert _wire.Reader().requests(None) == _wire.Read()
    assert _wire.write_entries([]) == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param({}, ProviderCapabilities(), id="nothing said"),
        pytest.param(
            {"supports_ip_sans": True, "new": 1},
            ProviderCapabilities(supports_ip_sans=True),
            id="unknown field",
        ),
        pytest.param(
            {"supports_ip_sans": True, "allowed_domains": 7},
            ProviderCapabilities(supports_ip_sans=True),
            id="bad field",
        ),
        pytest.param([], None, id="another shape"),
    ],
)
def test_capabilities(written: Any, read: ProviderCapabilities | None) -> None:
    """A field that is not what it should be is 'not said', and the others are read."""
    assert _wire.read_capabilities(json.dumps(written))[0] == read


def test_capabilities_round_trip() -> None:
    """What is written is what is read."""
    capabilities = ProviderCapabilities(allowed_domains=["a.example"], provider_type="x")
    assert _wire.read_capabilities(_wire.write_capabilities(capabilities))[0] == capabilities
    assert _wire.write_capabilities(None) == ""


def test_each_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader parses each distinct text once, also one that is no certificate."""
    parsed: list[bytes] = []
    load = x509.load_pem_x509_certificate

    def counting(pem: bytes) -> x509.Certificate:
        parsed.append(pem)
        return load(pem)

    monkeypatch.setattr(x509, "load_pem_x509_certificate", counting)
    reader = _wire.Reader()
    for _ in range(3):
        reader.certificate(CERTIFICATE)
        with pytest.raises(ValueError, match="PEM"):
            reader.certificate("no PEM")
    assert parsed == [CERTIFICATE.encode(), b"no PEM"]


@pytest.mark.parametrize("text", [None, ""])
def test_no_capabilities(text: str | None) -> None:
    """A provider that says nothing has said nothing wrong."""
    assert _wire.read_capabilities(text) == (None, ())


@pytest.mark.parametrize(
    ("written", "where"),
    [
        pytest.param([], ["capabilities"], id="another shape"),
        pytest.param(
            {"supports_ip_sans": 7, "allowed_domains": 7},
            ["capabilities.supports_ip_sans", "capabilities.allowed_domains"],
            id="two bad fields",
        ),
        pytest.param({"supports_ip_sans": None, "new": 7}, [], id="nothing wrong"),
    ],
)
def test_bad_capabilities_are_told(written: Any, where: list[str]) -> None:
    """What could not be read is told of by its place, with the reason."""
    _, rejected = _wire.read_capabilities(json.dumps(written))
    assert [one.where for one in rejected] == where
    assert all(one.why for one in rejected)
    if written == []:
        assert rejected[0].why == "not a JSON object"


def test_capabilities_are_written_without_what_was_not_said() -> None:
    """No field is written as null."""
    written = _wire.write_capabilities(ProviderCapabilities(supports_ip_sans=False))
    assert json.loads(written) == {"supports_ip_sans": False}


def test_reasons_name_fields() -> None:
    """A reason names the field; of an entry that is none at all, it says so."""
    read = _wire.Reader().certificates(json.dumps([7, {**ANSWER, "ca": 7}, {**ANSWER, "ca": " "}]))
    entry, number, empty = (one.why for one in read.rejected)
    assert entry.startswith("entry: ")
    assert number.startswith("ca: ")
    assert empty == "ca: Value error, there is no text"
    both = _wire.Reader().certificates(json.dumps([{**ANSWER, "ca": 7, "chain": 7}])).rejected[0]
    assert [part.partition(":")[0] for part in both.why.split("; ")] == ["ca", "chain"]


def test_databag_that_is_no_list_is_told() -> None:
    """A whole value of another shape is told of by its key."""
    (rejected,) = _wire.Reader().errors("{}").rejected
    assert rejected == _wire.Rejected("request_errors", "not a JSON list")


@pytest.mark.parametrize("count", [0, 1, 10, 11, 12])
def test_told(count: int) -> None:
    """Ten bad entries are told of one by one, and how many more there are."""
    rejected = [_wire.Rejected(f"certificates[{n}]", "no") for n in range(count)]
    lines = list(_wire.told(rejected, "web/0"))
    assert lines[:10] == [f"certificates[{n}] of web/0 is not used: no" for n in range(count)][:10]
    more = [f"{count - 10} more entries of web/0 are not used"] if count > 10 else []
    assert lines[10:] == more


def test_digest() -> None:
    """The SHA-256 of the text; what no encoding has is taken as a question mark."""
    assert _wire.digest("a?") == hashlib.sha256(b"a?").hexdigest()
    assert _wire.digest("a\ud800") == _wire.digest("a?")
    assert _wire.short_digest("a?") == _wire.digest("a?")[:16]


def test_unknown_fields_are_kept() -> None:
    """What else an entry holds is written again."""
    reader = _wire.Reader()
    for read, entry in (
        (reader.requests, REQUEST),
        (reader.certificates, ANSWER),
        (reader.errors, {"csr": CSR, "certificate_signing_request": CSR, "error": ERROR}),
    ):
        text = json.dumps([{**entry, "more": {"a": 1}}])
        assert json.loads(_wire.write_entries(read(text).entries)) == json.loads(text)


def test_latest_text_of_each_source_is_remembered() -> None:
    """An equal text is not read again; another one, key or source is."""
    reader = _wire.Reader()
    text = json.dumps([REQUEST])
    first = reader.requests(text, "web/0")
    assert reader.requests(text, "web/0") is first
    assert reader.requests(text, "web/1") is not first
    assert reader.requests(json.dumps([REQUEST] * 2), "web/0") != first
    assert reader.certificates(text, "web/0").entries == ()
    assert reader.errors(text, "web/0").entries == ()


def test_what_was_written_need_not_be_read() -> None:
    """What is told to a reader is what it reads."""
    reader = _wire.Reader()
    (entry,) = reader.certificates(json.dumps([ANSWER])).entries
    reader.know_entries(_wire.CERTIFICATES, "written", "ours", (entry,))
    assert reader.certificates("written", "ours") == _wire.Read((entry,))
    assert reader.certificates("written", "theirs").entries == ()


def test_request_that_is_known_is_not_parsed() -> None:
    """A request that was made elsewhere is the same object; the first of two equal ones stays."""
    reader = _wire.Reader()
    made = keys.csr_of()
    reader.know(made)
    reader.know(type(made).from_string(made.raw))
    assert reader.request(made.raw) is made


@pytest.mark.parametrize("revoked", [True, False])
def test_entry_as_value_and_back(revoked: bool) -> None:
    """An entry becomes a value with its parts parsed, and the value an entry again."""
    answer = keys.answer(keys.csr_of())
    entry = _wire.CertificateEntry.from_value(dataclasses.replace(answer, revoked=revoked or None))
    assert (entry.csr, entry.certificate) == (
        answer.certificate_signing_request.raw,
        answer.certificate.raw,
    )
    assert (entry.ca, entry.revoked) == (answer.ca.raw, revoked)
    assert entry.chain == tuple(one.raw for one in answer.chain)
    value = _wire.Reader().certificate_value(entry, 7)
    assert value == dataclasses.replace(answer, relation_id=7, revoked=revoked or None)


def test_error_as_value() -> None:
    """A refusal becomes a value with its request parsed."""
    (entry,) = _wire.Reader().errors(json.dumps([{"csr": CSR, "error": ERROR}])).entries
    value = _wire.Reader().error_value(entry, 7)
    assert (value.relation_id, value.error) == (7, CertificateError(**ERROR))
    assert value.certificate_signing_request.raw == CSR
