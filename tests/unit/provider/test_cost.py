"""What a hook costs: it looks closely at what is due something, and at nothing else."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.unit.counting import Calls
from tests.unit.provider.scene import answers, asking, errors, memory, state

if TYPE_CHECKING:
    from collections import Counter

    from ops import testing

    from charmlibs.interfaces.tls_certificates import PrivateKey

MANY = 20
HOUR = datetime.timedelta(hours=1)
PARSED_CSR, PARSED_CERTIFICATE, SIGNED = (
    "load_pem_x509_csr",
    "load_pem_x509_certificate",
    "sign",
)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count parses of PEM texts, without which no signature can be checked, and signatures."""
    calls = Calls()
    calls.watch(monkeypatch, x509, PARSED_CSR)
    calls.watch(monkeypatch, x509, PARSED_CERTIFICATE)
    calls.watch(monkeypatch, x509.CertificateBuilder, SIGNED)
    return calls


@pytest.fixture(params=["one relation", "many relations"])
def asked(request: pytest.FixtureRequest, leaf_key: PrivateKey) -> list[testing.Relation]:
    """Many requests, of one requirer or of as many."""
    if request.param == "one relation":
        return [asking(leaf_key, *(f"web-{n}" for n in range(MANY)))]
    return [asking(leaf_key, f"web-{n}", relation_id=7 + n) for n in range(MANY)]


@pytest.fixture
def answered(ctx: testing.Context[Any], asked: list[testing.Relation]) -> testing.State:
    """The authority after it has answered all of them."""
    out = ctx.run(ctx.on.relation_changed(asked[0], remote_unit=0), state(*asked))
    assert sum(len(answers(out, one.id)) for one in asked) == MANY
    return out


def test_each_request_is_parsed_and_signed_once(
    ctx: testing.Context[Any], asked: list[testing.Relation], counted: Counter[str]
) -> None:
    """A hook that answers parses each request once and signs once, however many relations."""
    before = ctx.run(ctx.on.config_changed(), state())
    counted.clear()
    related = dataclasses.replace(before, relations={*before.relations, *asked})
    ctx.run(ctx.on.relation_changed(asked[0], remote_unit=0), related)
    assert counted == {PARSED_CSR: MANY, SIGNED: MANY, PARSED_CERTIFICATE: 1}


def test_quiet_hook_parses_nothing_that_stands(
    ctx: testing.Context[Any], answered: testing.State, counted: Counter[str]
) -> None:
    """Where all is answered, no request and no leaf is parsed; the CA's own record is."""
    counted.clear()
    ctx.run(ctx.on.update_status(), answered)
    assert counted == {PARSED_CERTIFICATE: 1}


def test_one_new_request_is_all_that_is_parsed(
    ctx: testing.Context[Any], answered: testing.State, leaf_key: PrivateKey, counted: Counter[str]
) -> None:
    """What stands beside a new request is not looked at for it."""
    newcomer = asking(leaf_key, "new", relation_id=99)
    joined = dataclasses.replace(answered, relations={*answered.relations, newcomer})
    counted.clear()
    ctx.run(ctx.on.relation_changed(newcomer, remote_unit=0), joined)
    assert counted == {PARSED_CSR: 1, SIGNED: 1, PARSED_CERTIFICATE: 1}


def test_ledger_of_before_is_completed_once(
    ctx: testing.Context[Any], answered: testing.State, counted: Counter[str]
) -> None:
    """What a version wrote that kept no fingerprints is read; after one hook it costs no more,
    and no one has got another certificate.
    """
    peers = answered.get_relation(1)
    entries = json.loads(peers.local_app_data["issued"])
    older = json.dumps([{k: v for k, v in e.items() if k != "fingerprint"} for e in entries])
    with_older = dataclasses.replace(
        peers, local_app_data={**peers.local_app_data, "issued": older}
    )
    others = {one for one in answered.relations if one.id != 1}
    upgraded = ctx.run(
        ctx.on.upgrade_charm(),
        dataclasses.replace(answered, relations={*others, with_older}),
    )
    assert memory(upgraded).ledger == memory(answered).ledger
    assert {one for one in upgraded.relations if one.id != 1} == others
    counted.clear()
    ctx.run(ctx.on.update_status(), upgraded)
    assert counted == {PARSED_CERTIFICATE: 1}


def denied(
    ctx: testing.Context[Any], *relations: testing.Relation, **config: Any
) -> testing.State:
    """The authority after it has denied something."""
    out = ctx.run(
        ctx.on.relation_changed(relations[0], remote_unit=0), state(*relations, config=config)
    )
    assert any(errors(out, one.id) for one in relations)
    return out


def test_quiet_hook_parses_no_denial(
    ctx: testing.Context[Any], leaf_key: PrivateKey, counted: Counter[str]
) -> None:
    """What was denied and stands is not looked at again, whatever it was denied for."""
    limited = asking(leaf_key, "web-0", "web-1", "web-2")
    elsewhere = asking(leaf_key, "a.test", relation_id=8, is_ca=True)
    before = denied(ctx, limited, elsewhere, **{"certificate-limit": 1})
    counted.clear()
    out = ctx.run(ctx.on.update_status(), before)
    assert counted == {PARSED_CERTIFICATE: 1}
    assert out.relations == before.relations


def test_quiet_hook_parses_nothing_that_a_stricter_policy_left(
    ctx: testing.Context[Any], leaf_key: PrivateKey, counted: Counter[str]
) -> None:
    """What stays under a CA that does not issue any more is looked at once."""
    relation = asking(leaf_key, "web-0")
    granted = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    strict = {**granted.config, "allowed-domains": "example.com", "ca-common-name": "new"}
    published = ctx.run(
        ctx.on.config_changed(),
        dataclasses.replace(granted, config={**strict, "ca-overlap": "1s"}),
    )
    with time_machine.travel(datetime.datetime.now(datetime.timezone.utc) + HOUR):
        counted.clear()
        switched = ctx.run(ctx.on.update_status(), published)
        assert (answers(switched), counted[PARSED_CSR]) == (answers(granted), 1)
        ctx.run(ctx.on.update_status(), switched)
        assert counted[PARSED_CSR] == 1


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"certificate-limit": 2}, id="limit"),
        pytest.param({"certificate-limit": 1, "allow-wildcards": False}, id="policy"),
    ],
)
def test_denial_is_looked_at_again_when_options_change(
    ctx: testing.Context[Any], leaf_key: PrivateKey, counted: Counter[str], config: dict[str, Any]
) -> None:
    """Under other options each denial is decided anew, and granted if it can be."""
    relation = asking(leaf_key, "web-0", "web-1")
    before = denied(ctx, relation, **{"certificate-limit": 1})
    counted.clear()
    changed = dataclasses.replace(before, config={**before.config, **config})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert counted[PARSED_CSR] == 1
    assert len(answers(out)) == config["certificate-limit"]


def test_denial_is_looked_at_again_when_there_is_room(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """Who gives up a certificate gets the one that the limit denied."""
    relation = asking(leaf_key, "web-0", "web-1")
    before = denied(ctx, relation, **{"certificate-limit": 1})
    asked = json.loads(relation.remote_units_data[0]["certificate_signing_requests"])
    [held] = answers(before)
    left = [one for one in asked if one["certificate_signing_request"] not in held.values()]
    fewer = dataclasses.replace(
        before.get_relation(7),
        remote_units_data={0: {"certificate_signing_requests": json.dumps(left)}},
    )
    others = {one for one in before.relations if one.id != 7}
    out = ctx.run(
        ctx.on.relation_changed(fewer, remote_unit=0),
        dataclasses.replace(before, relations={*others, fewer}),
    )
    assert (len(answers(out)), errors(out)) == (1, [])


def test_denial_is_looked_at_again_when_its_error_is_gone(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """A denial that does not stand any more, as after damage, is given again."""
    before = denied(ctx, asking(leaf_key, "web-0", is_ca=True))
    said = errors(before)
    lost = dataclasses.replace(before.get_relation(7), local_app_data={})
    others = {one for one in before.relations if one.id != 7}
    out = ctx.run(ctx.on.update_status(), dataclasses.replace(before, relations={*others, lost}))
    assert errors(out) == said


def test_denial_is_looked_at_again_by_another_version(
    ctx: testing.Context[Any], leaf_key: PrivateKey, counted: Counter[str]
) -> None:
    """After a refresh of the charm all is decided once more."""
    before = denied(ctx, asking(leaf_key, "web-0", is_ca=True))
    counted.clear()
    ctx.run(ctx.on.upgrade_charm(), before)
    assert counted[PARSED_CSR] == 1


def test_what_cannot_be_signed_takes_no_room(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """A request that no certificate can be made of does not use up the limit."""
    key = leaf_key.x509_object
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    nameless = builder.sign(key, leaf_key.signature_hash)
    pem = nameless.public_bytes(serialization.Encoding.PEM).decode()
    good = asking(leaf_key, "web-0")
    asked = [
        {"certificate_signing_request": pem, "ca": False},
        *json.loads(good.remote_units_data[0]["certificate_signing_requests"]),
    ]
    both = dataclasses.replace(
        good, remote_units_data={0: {"certificate_signing_requests": json.dumps(asked)}}
    )
    out = denied(ctx, both, **{"certificate-limit": 1})
    assert (len(answers(out)), len(errors(out))) == (1, 1)
    assert "names nothing" in errors(out)[0]["reason"]
