"""Targets: reading and planning of both sides of the relation.

What is asked of both: nothing raises; what is good is served as if nothing else were there
(*isolated*); what was done leaves nothing to do (*settled*); no text is parsed twice (*linear*).
"""

import dataclasses
import functools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import ops
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    CertificateRequestAttributes,
    ProviderCertificate,
    _databags,
    _keys,
    _outgoing,
    _provider_plan,
    _requirer_plan,
    _requirer_state,
    _scope,
    _secrets,
    _view,
    _wire,
)
from tests.fuzz import forge, texts
from tests.fuzz.target import Target, parses

GOOD = 3
ENDPOINT = "certificates"
LONGEST_REASON = 2000
"""What is wrong with an entry is said in a line of the log, not in a book."""


@functools.cache
def good_requests() -> list[str]:
    return [
        json.dumps({"certificate_signing_request": forge.request(number).raw, "ca": False})
        for number in range(GOOD)
    ]


@functools.cache
def good_answers() -> list[str]:
    return [
        json.dumps(
            {
                "certificate_signing_request": forge.request(number).raw,
                "certificate": forge.leaf(number).raw,
                "ca": forge.root().raw,
                "chain": [forge.leaf(number).raw, forge.root().raw],
            }
        )
        for number in range(GOOD)
    ]


_ERROR: dict[str, Any] = {"code": 102, "name": "domain_not_allowed", "message": "No."}


@functools.cache
def good_errors() -> list[str]:
    return [
        json.dumps({"csr": forge.request(number).raw, "error": _ERROR}) for number in range(GOOD)
    ]


def check_databag(text: str) -> None:
    """Any text is read, what is bad in it is told of briefly, and what is good written again."""
    reader = _wire.Reader()
    for read, key in (
        (reader.requests, _wire.REQUESTS),
        (reader.certificates, _wire.CERTIFICATES),
        (reader.errors, _wire.ERRORS),
    ):
        found = read(text)
        for one in found.rejected:
            assert one.where.startswith(key)
            assert 0 < len(one.why) < LONGEST_REASON
            f"{one.where}: {one.why}".encode()
        again = read(_wire.write_entries(found.entries))
        assert again.rejected == ()
        assert _without_fields(again.entries) == _without_fields(found.entries)
        for entry in found.entries:
            _wire.digest(entry.csr)
    found, rejected = _wire.read_capabilities(text)
    for one in rejected:
        assert 0 < len(one.why) < LONGEST_REASON
    assert _wire.read_capabilities(_wire.write_capabilities(found))[0] == found
    _outgoing.from_content({"entries": text}, forge.key(1), reader)


def _without_fields(entries: tuple[Any, ...]) -> list[Any]:
    return [entry._replace(fields={}) for entry in entries]


def check_outgoing(case: tuple[texts.Items, str]) -> None:
    """Of a spoilt secret, the entries that can be read stay, with their key or without."""
    listed, key = case
    good = [
        json.dumps(
            {**json.loads(answer), "csr": json.loads(answer)["certificate_signing_request"]}
        )
        for answer in good_answers()
    ]
    content = {"entries": texts.written(listed, good), "private-key": key}
    with parses() as counted:
        found = _outgoing.from_content(content, forge.key(2), _wire.Reader())
    assert max(counted.values(), default=1) == 1
    again = found.to_content(keep_key=True)
    assert _outgoing.from_content(again, forge.key(2), _wire.Reader()).entries == found.entries
    # Whole, or not at all: a secret is written by the library alone.
    if texts.only_good(listed) == listed:
        assert [one.csr for one in found.entries] == [
            forge.request(one).raw for one in texts.numbers(listed)
        ]


# The provider


@dataclasses.dataclass(repr=False)
class _Relation:
    """A relation's databags, as far as they are read here."""

    units: set[Any]
    data: dict[Any, dict[str, str]]
    app: Any
    id: int = 1


def _provider_sees(
    bags: list[str], ours: dict[str, str]
) -> tuple[_databags.Databags, ops.Relation]:
    app = SimpleNamespace(name="ca")
    units = [SimpleNamespace(name=f"web/{number}") for number in range(len(bags))]
    remote = SimpleNamespace(name="web")
    charm = SimpleNamespace(app=app)
    data = {_Hashed(unit): {_wire.REQUESTS: bag} for unit, bag in zip(units, bags, strict=True)}
    data[_Hashed(remote)] = {}
    data[_Hashed(app)] = ours
    charm.app = _Hashed(app)
    relation = _Relation(set(data) - {charm.app, _Hashed(remote)}, data, _Hashed(remote))
    databags = _databags.Databags(cast("ops.CharmBase", charm), ENDPOINT)
    return databags, cast("ops.Relation", relation)


class _Hashed:
    """An application or a unit: known by its name."""

    def __init__(self, named: Any) -> None:
        self.name: str = named.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


Provided = tuple[list[texts.Items], texts.Items, texts.Items]
"""The units' requests, our certificates, our errors."""


def _provide(case: Provided) -> tuple[_databags.Databags, ops.Relation, dict[str, str]]:
    asked, issued, refused = case
    ours = {
        _wire.CERTIFICATES: texts.written(issued, good_answers()),
        _wire.ERRORS: texts.written(refused, good_errors()),
    }
    bags = [texts.written(one, good_requests()) for one in asked]
    databags, relation = _provider_sees(bags, ours)
    return databags, relation, ours


def _settled(
    databags: _databags.Databags, relation: ops.Relation
) -> tuple[_provider_plan.Settled, _provider_plan.Answers, _databags.Requested]:
    before, requested = databags.answers(relation), databags.requested(relation)
    return _provider_plan.settle(before, requested, databags.flaw_of), before, requested


def check_provider(case: Provided) -> None:
    """A provider serves the good requests as if nothing unreadable stood in the databags."""
    asked, issued, refused = case
    with parses() as counted:
        databags, relation, ours = _provide(case)
        settled, before, requested = _settled(databags, relation)
        offered = list(databags.requests(relation, requested))
        outstanding = _provider_plan.outstanding(settled.answers, requested)
    assert max(counted.values(), default=1) == 1

    only_good = texts.only_good
    databags, relation, _ = _provide(
        (
            [only_good(one) for one in asked],
            _readable(issued, _wire.Reader().certificates),
            _readable(refused, _wire.Reader().errors),
        )
    )
    expected, _, wanted = _settled(databags, relation)
    assert _of(expected.answers.certificates, wanted) == _of(settled.answers.certificates, wanted)
    assert _of(expected.answers.errors, wanted) == _of(settled.answers.errors, wanted)
    assert set(wanted) <= {one.certificate_signing_request.raw for one in offered}
    assert set(_provider_plan.outstanding(expected.answers, wanted)) == set(outstanding) & set(
        wanted
    )

    ours.update(_provider_plan.changes(before, settled.answers))
    asked_texts = [texts.written(one, good_requests()) for one in asked]
    databags, relation = _provider_sees(asked_texts, ours)
    again, before, _ = _settled(databags, relation)
    assert _provider_plan.changes(before, again.answers) == {}
    assert (again.unsolicited, again.forged) == ((), ())


def _readable(listed: texts.Items, read: Callable[[str], _wire.Read[Any]]) -> texts.Items:
    """Return what can be read: in its own databag, a provider takes its word for it."""
    return [
        one
        for one in listed
        if isinstance(one, int) or read(texts.written([one], good=[])).entries
    ]


def _of(entries: tuple[Any, ...], requested: Any) -> list[Any]:
    return [entry for entry in _without_fields(entries) if entry.csr in requested]


# The requirer


class _NoSecrets:
    """A model without secrets: what the charm passes as its key needs none."""

    def get_secret(self, **_: Any) -> None:
        raise ops.SecretNotFoundError


Required = tuple[texts.Items, texts.Items, list[int]]
"""The provider's certificates, its errors, and which requests stand in our databag."""

_WANTED = tuple(
    CertificateRequestAttributes(common_name=f"host-{n}", add_unique_id_to_subject_name=False)
    for n in range(GOOD)
)


def _observe(case: Required, ours: str | None = None) -> _requirer_state.Observed:
    issued, refused, sent = case
    if ours is None:
        ours = texts.written(sorted(set(sent)), good_requests())
    unit, app = _Hashed(SimpleNamespace(name="web/0")), _Hashed(SimpleNamespace(name="ca"))
    provided = {
        _wire.CERTIFICATES: texts.written(issued, good_answers()),
        _wire.ERRORS: texts.written(refused, good_errors()),
    }
    relation = _Relation(set(), {unit: {_wire.REQUESTS: ours}, app: provided}, app)
    scope = _scope.Scope(
        cast("ops.Model", _NoSecrets()),
        cast("ops.Unit", unit),
        _secrets.Labels(ENDPOINT, "0"),
        _view.Settings(forge.key(1), _keys.KeyAlgorithm.ECDSA, 256, 0.9, keep=False),
        _wire.Reader(),
    )
    return scope.observe(cast("ops.Relation", relation), _WANTED, forge.NOW)


def check_requirer(case: Required) -> None:
    """A requirer uses the good answers as if nothing else stood in the provider's databag."""
    issued, refused, sent = case
    with parses() as counted:
        seen = _observe(case)
    assert max(counted.values(), default=1) == 1
    plan = _requirer_plan.plan(seen)
    expected = _requirer_plan.plan(
        _observe((texts.only_good(issued), texts.only_good(refused), sent))
    )
    assert plan.available == expected.available
    assert plan.denied == expected.denied
    assert (plan.dropped, plan.send) == (expected.dropped, expected.send)
    assert plan.store == expected.store

    stored = {
        one.answer.certificate_signing_request.raw: _requirer_state.Stored(
            one.answer.certificate, one.alarm
        )
        for one in plan.store
    }
    again = _requirer_plan.plan(dataclasses.replace(_without_dropped(seen, plan), stored=stored))
    assert (again.dropped, again.store, again.alarms, again.remove) == ((), (), {}, ())
    for one in plan.available:
        list(_requirer_state.differences(one))
        assert json.loads(one.to_json())["chain"] == [link.raw for link in one.chain]
        assert one.chain_as_pem()


def _without_dropped(
    seen: _requirer_state.Observed, plan: _requirer_plan.Plan
) -> _requirer_state.Observed:
    dropped = {one.csr.raw for one in plan.dropped}
    sent = tuple(one for one in seen.sent if one.certificate_signing_request.raw not in dropped)
    return dataclasses.replace(seen, sent=sent)


def check_own_requests(listed: texts.Items) -> None:
    """What else stands in our own databag neither raises nor takes a good request with it."""
    seen = _observe(([], [], []), texts.written(listed, good_requests()))
    plan = _requirer_plan.plan(seen)
    kept = {one.certificate_signing_request.raw for one in seen.sent}
    kept -= {one.csr.raw for one in plan.dropped}
    assert kept >= {forge.request(one).raw for one in texts.numbers(listed)}
    assert len(kept) + len(plan.send) == len(_WANTED)


def check_odd_answer(case: tuple[str, str, str, bool | None]) -> None:
    """An answer to our request, with whatever certificates in it, is used or has a flaw."""
    certificate, ca, chain, revoked = case
    answer = {
        "certificate_signing_request": forge.request(0).raw,
        "certificate": certificate,
        "ca": ca,
        "chain": [certificate, chain],
        "revoked": revoked,
    }
    seen = _observe(([json.dumps(answer), 1], [], [0, 1]))
    plan = _requirer_plan.plan(seen)
    assert forge.leaf(1) in {one.certificate for one in plan.available}
    for one in plan.available:
        assert one.certificate.matches_private_key(forge.key(1))
        assert not one.revoked
        list(_requirer_state.differences(one))
        ProviderCertificate(1, one.certificate, one.certificate_signing_request, one.ca, one.chain)


def check_error(error: Any) -> None:
    """A refusal is read as it was written, or rejected."""
    text = json.dumps(
        [{"csr": forge.request(0).raw, "error": error}, json.loads(good_errors()[1])]
    )
    found = _wire.Reader().errors(text)
    assert len(found.entries) + len(found.rejected) == 2
    assert found.entries[-1].error == CertificateError(**_ERROR)
    for entry in found.entries:
        entry.error.model_dump_json().encode()
        assert _wire.Reader().errors(_wire.write_entries([entry])).entries[0].error == entry.error


_REQUESTS = texts.items(
    st.one_of(texts.HOSTILE, texts.request_entries, texts.request_entries), GOOD
)
_CERTIFICATES = texts.items(
    st.one_of(texts.HOSTILE, texts.certificate_entries, texts.certificate_entries), GOOD
)
_ERRORS = texts.items(st.one_of(texts.HOSTILE, texts.error_entries), GOOD)

TARGETS = [
    Target("databag", st.one_of(texts.broken, texts.capabilities), check_databag, 30),
    Target("outgoing", st.tuples(_CERTIFICATES, texts.private_keys), check_outgoing),
    Target(
        "provider",
        st.tuples(st.lists(_REQUESTS, min_size=1, max_size=2), _CERTIFICATES, _ERRORS),
        check_provider,
        20,
    ),
    Target(
        "requirer",
        st.tuples(_CERTIFICATES, _ERRORS, st.lists(st.integers(0, GOOD - 1), max_size=3)),
        check_requirer,
        20,
    ),
    Target("own-requests", _REQUESTS, check_own_requests),
    Target(
        "odd-answer",
        st.tuples(*[texts.certificates] * 3, st.one_of(st.none(), st.booleans())),
        check_odd_answer,
        15,
    ),
    Target(
        "error",
        st.one_of(
            texts.values,
            st.dictionaries(
                st.sampled_from(["code", "name", "message", "reason", "provider", "endpoint"]),
                texts.values,
            ),
        ),
        check_error,
        5,
    ),
]
