"""What the charm makes of what comes from its provider, in each mode."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
)
from tests.unit.requirer.scene import (
    ADDRESS,
    DAYS,
    QUICK,
    Place,
    Provider,
    answered,
    certificates,
    requests,
    serial,
    state,
)

if TYPE_CHECKING:
    from demo_requirer.charm import DemoRequirerCharm


# What comes from the provider


def test_second_hook_changes_nothing(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A hook without news writes no file and no databag."""
    before = place.make_store().current_set()
    out = ctx.run(ctx.on.update_status(), served)
    assert place.make_store().current_set() == before
    assert requests(out) == requests(served)


def test_renewal(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """The old certificate is served until the new one comes, and the history has both."""
    before = place.serials
    out = ctx.run(ctx.on.action("renew-certificate"), served)
    assert json.loads((ctx.action_results or {})["renewing"]) == ["web-0"]
    assert place.serials == before, "nothing is taken away before there is another"
    answer = provider.answer(requests(out)[0])
    new, relation = answered(out, answer)
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert place.serials == [serial(answer)]
    assert [renewal.kind for renewal in place.content.history] == ["first", "renewed"]
    assert place.content.renewals == 1


def test_chain_in_another_order(
    ctx: testing.Context[DemoRequirerCharm],
    asked: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """Older providers send the root first: the leaf is served first all the same."""
    answer = provider.answer(requests(asked)[0])
    new, relation = answered(asked, {**answer, "chain": answer["chain"][::-1]})
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert place.content.pairs[0].chain[0] == answer["certificate"].strip()


def test_chain_that_leads_nowhere(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """A chain that cannot be verified is not served, the status says so, and the old one stays."""
    before = place.serials
    out = ctx.run(ctx.on.action("renew-certificate"), served)
    other = provider.ca.raw
    answer = provider.answer(requests(out)[0])
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    attributes = CertificateRequestAttributes(common_name="ca", is_ca=True)
    stranger = Certificate.generate_self_signed_ca(attributes, key, 9 * DAYS).raw
    assert stranger != other
    new, relation = answered(out, {**answer, "ca": stranger, "chain": [answer["certificate"]]})
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "not served: unit web-0: " in out.unit_status.message
    assert "; serving web-0 until" in out.unit_status.message
    assert place.serials == before


def of_another_key(provider: Provider, csr: str) -> dict[str, Any]:
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    other = CertificateRequestAttributes(common_name="web-0").generate_csr(key)
    return {**provider.answer(other.raw), "certificate_signing_request": csr}


def of_last_week(provider: Provider, csr: str) -> dict[str, Any]:
    attributes = CertificateRequestAttributes(common_name="ca", is_ca=True)
    with time_machine.travel(provider.ca.validity_start_time - 7 * DAYS):
        ca = Certificate.generate_self_signed_ca(attributes, provider.key, 365 * DAYS)
        return Provider(provider.key, ca).answer(csr, validity=DAYS)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param(of_another_key, "the certificate is for another key", id="another key"),
        pytest.param(of_last_week, "the certificate expired at 20", id="expired"),
    ],
)
def test_answer_that_cannot_be_used(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
    *,
    wrong: Any,
    says: str,
) -> None:
    """It is not served, the status says why, and the old one stays."""
    before = place.serials
    out = ctx.run(ctx.on.action("renew-certificate"), served)
    new, relation = answered(out, wrong(provider, requests(out)[0]))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert out.unit_status.message.startswith(f"not served: web-0: {says}")
    assert "; serving web-0 until" in out.unit_status.message
    assert place.serials == before


def test_right_answer_beside_a_wrong_one(
    ctx: testing.Context[DemoRequirerCharm], asked: testing.State, provider: Provider
) -> None:
    """A request that is answered twice, once so that it can be used, is answered."""
    csr = requests(asked)[0]
    new, relation = answered(asked, provider.answer(csr), of_another_key(provider, csr))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)


def test_store_is_made_anew_from_secrets(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A new pod has no files: what Juju keeps is enough to serve again."""
    before = place.serials
    place.make_store().remove()
    ctx.run(ctx.on.upgrade_charm(), served)
    assert place.serials == before


def test_store_is_made_anew_without_a_relation(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """What is served until it expires, for its relation is gone, outlives the files as well."""
    before = place.serials
    out = ctx.run(ctx.on.relation_broken(certificates(served)), served)
    place.make_store().remove()
    ctx.run(ctx.on.upgrade_charm(), dataclasses.replace(out, relations=[]))
    assert place.serials == before


def test_damaged_store_is_mended(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A file that somebody tore is written again in the next hook."""
    store = place.make_store()
    before = place.serials
    (store.set_folder(str(store.current_set())) / "content.json").write_text("{")
    ctx.run(ctx.on.update_status(), served)
    assert place.serials == before


def test_relations_of_nobody_fail_no_hook(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While Juju does not tell who is at the other end, what is served stays, and others count."""
    before = place.serials
    silent = testing.Relation("receive-ca-cert", remote_units_data={})
    given = {"certificates": json.dumps([provider.ca.raw]), "version": "1"}
    trust = testing.Relation("receive-ca-cert", remote_app_data=given)
    relation = dataclasses.replace(certificates(served), remote_units_data={})
    nobodys = {silent.id, relation.id}

    def unknown(_backend: object, relation_id: int, **_: object) -> str | None:
        return None if relation_id in nobodys else "other"

    monkeypatch.setattr("scenario.mocking._MockModelBackend.relation_remote_app_name", unknown)
    ctx.run(
        ctx.on.update_status(), dataclasses.replace(served, relations=[relation, silent, trust])
    )
    assert place.serials == before
    assert place.content.trusted == (provider.ca.raw.strip(),)


# Modes


def test_app_mode(
    ctx: testing.Context[DemoRequirerCharm], provider: Provider, place: Place
) -> None:
    """The leader asks in the application's name, and serves what it gets."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    out = ctx.run(ctx.on.relation_created(relation), state(relation, config={"mode": "app"}))
    assert requests(out) == []
    (csr,) = requests(out, app=True)
    assert CertificateSigningRequest.from_string(csr).common_name == "web"
    new, relation = answered(out, provider.answer(csr))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert out.app_status == testing.ActiveStatus("app mode")
    (pair,) = place.content.pairs
    assert ADDRESS not in str(pair)
    # A follower has the same secrets and the same databag in view.
    place.make_store().remove()
    follower = dataclasses.replace(out, leader=False)
    out = ctx.run(ctx.on.relation_changed(certificates(follower)), follower)
    assert place.serials == [pair.serial_number]
    assert isinstance(out.unit_status, testing.ActiveStatus)


def test_follower_waits_for_the_leader(ctx: testing.Context[DemoRequirerCharm]) -> None:
    """In app mode a follower has nothing to ask; it says whom it waits for."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    out = ctx.run(
        ctx.on.relation_created(relation), state(relation, config={"mode": "app"}, leader=False)
    )
    assert out.unit_status == testing.WaitingStatus("waiting for a certificate from the leader")
    assert requests(out) == []


def test_mode_changes_without_a_gap(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """The unit's certificate is served until the application's is there."""
    before = place.serials
    changed = dataclasses.replace(served, config=QUICK | {"mode": "app"})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert requests(out) == []
    assert place.serials == before
    answer = provider.answer(requests(out, app=True)[0])
    new, relation = answered(out, answer)
    ctx.run(ctx.on.relation_changed(relation), new)
    assert place.serials == [serial(answer)]


def test_several(
    ctx: testing.Context[DemoRequirerCharm], provider: Provider, place: Place
) -> None:
    """Each of several certificates is served; the first is the default one."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    config = {"num-certificates": 3}
    out = ctx.run(ctx.on.relation_created(relation), state(relation, config=config))
    first, *rest = sorted(
        requests(out), key=lambda csr: CertificateSigningRequest.from_string(csr).common_name
    )
    new, relation = answered(out, *(provider.answer(csr) for csr in (*rest, first)))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert [pair.common_name for pair in place.content.pairs] == ["web-0-1", "web-0-2", "web-0-3"]
    assert "3 certificates until" in out.unit_status.message
