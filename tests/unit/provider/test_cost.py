"""What a hook costs: it looks closely at what is due something, and at nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from tests.unit.provider.scene import answers, asking, memory, state

if TYPE_CHECKING:
    from ops import testing

    from charmlibs.interfaces.tls_certificates import PrivateKey

MANY = 20
PARSED_CSR, PARSED_CERTIFICATE, SIGNED = (
    "load_pem_x509_csr",
    "load_pem_x509_certificate",
    "sign",
)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count parses of PEM texts, without which no signature can be checked, and signatures."""
    counter: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        called: Any = getattr(owner, name)

        def counting(*arguments: Any, **options: Any) -> Any:
            counter[name] += 1
            return called(*arguments, **options)

        monkeypatch.setattr(owner, name, counting)

    count(x509, PARSED_CSR)
    count(x509, PARSED_CERTIFICATE)
    count(x509.CertificateBuilder, SIGNED)
    return counter


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
