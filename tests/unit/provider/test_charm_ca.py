"""The CA that the charm issues under, and what others are told of it."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

import pytest
from cryptography import x509
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)
from tests.unit.provider.conftest import make_root, new_key
from tests.unit.provider.scene import (
    answers,
    asking,
    errors,
    memory,
    state,
)

DAY = datetime.timedelta(days=1)


def test_changed_subject_is_published_first(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """A new subject makes a second CA that is trusted before it issues."""
    relation = asking(leaf_key, "web-0")
    trust = testing.Relation("send-ca-cert", id=9, remote_app_data={"version": "1"})
    event = ctx.on.relation_changed(relation, remote_unit=0)
    before = ctx.run(event, state(relation, trust))
    renamed = dataclasses.replace(before, config={**before.config, "ca-common-name": "new"})
    out = ctx.run(ctx.on.config_changed(), renamed)
    assert answers(out) == answers(before)
    bundle = json.loads(out.get_relation(9).local_app_data["certificates"])
    assert {Certificate.from_string(pem).common_name for pem in bundle} == {"my-ca", "new"}
    assert "new CA published" in out.unit_status.message


@pytest.mark.parametrize("damaged", ["{", "7", "[[]]"])
def test_damaged_bundle_is_written_anew(ctx: testing.Context[Any], damaged: str) -> None:
    """What does not read as a bundle any more is made one again."""
    trust = testing.Relation(
        "send-ca-cert",
        id=9,
        remote_app_data={"version": "1"},
        local_app_data={"certificates": damaged},
    )
    out = ctx.run(ctx.on.config_changed(), state(trust))
    bundle = json.loads(out.get_relation(9).local_app_data["certificates"])
    assert [Certificate.from_string(pem).common_name for pem in bundle] == ["my-ca"]


def test_first_version_of_the_trust_interface_gets_the_ca_in_use(
    ctx: testing.Context[Any],
) -> None:
    """A requirer that can hold one CA holds the one that issues, also during a rotation."""
    trust = testing.Relation("send-ca-cert", id=9)
    before = ctx.run(ctx.on.config_changed(), state(trust))
    renamed = dataclasses.replace(before, config={**before.config, "ca-common-name": "new"})
    out = ctx.run(ctx.on.config_changed(), renamed)
    told = json.loads(out.get_relation(9).local_unit_data["ca"])
    assert Certificate.from_string(told).common_name == "my-ca"


def test_every_unit_tells_the_first_version(ctx: testing.Context[Any]) -> None:
    """Who once led tells no other CA than who leads now, and a leader's end takes none away."""
    trust = testing.Relation("send-ca-cert", id=9)
    led = ctx.run(ctx.on.config_changed(), state(trust))
    stale = dataclasses.replace(
        led.get_relation(9), local_unit_data={"ca": '"old"', "certificate": '"old"'}
    )
    follower = dataclasses.replace(
        led, leader=False, relations={led.get_relation(1), stale}, secrets=frozenset()
    )
    out = ctx.run(ctx.on.update_status(), follower)
    told = out.get_relation(9).local_unit_data
    assert (told["ca"], told["chain"]) == (
        json.dumps(memory(led).authorities[0].certificate.raw),
        json.dumps([memory(led).authorities[0].certificate.raw]),
    )
    assert out.get_relation(9).local_app_data == stale.local_app_data


def given_secret(certificate: Certificate, key: PrivateKey) -> testing.Secret:
    return testing.Secret({"certificate": certificate.raw, "private-key": key.raw})


def test_operators_own_ca(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """With `ca-secret` the operator's CA issues."""
    key = new_key()
    root = make_root(key, "mine")
    secret = given_secret(root, key)
    relation = asking(leaf_key, "web-0")
    before = state(relation, config={"ca-secret": secret.id}, secrets=[secret])
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), before)
    assert Certificate.from_string(answers(out)[0]["ca"]) == root


def test_operators_wrong_ca_changes_nothing(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """A CA that cannot issue is named as the problem, and the CA in use goes on."""
    relation = asking(leaf_key, "web-0")
    before = ctx.run(ctx.on.config_changed(), state())
    secret = given_secret(make_root(new_key(), "mine"), new_key())
    changed = dataclasses.replace(
        before,
        config={**before.config, "ca-secret": secret.id},
        secrets={*before.secrets, secret},
        relations={*before.relations, relation},
    )
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), changed)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "ca-secret has a private-key that does not belong" in out.unit_status.message
    assert Certificate.from_string(answers(out)[0]["ca"]).common_name == "my-ca"


def test_sub_authority_under_one_that_signs_leaves_alone(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """Allowed or not, an intermediate with path length 0 makes no CA: the requirer hears why."""
    root_key, key = new_key(), new_key()
    root = make_root(root_key, "root")
    asked = CertificateRequestAttributes(common_name="intermediate", is_ca=True)
    # The library's own sub-CAs have that path length.
    certificate = asked.generate_csr(key).sign(root, root_key, 300 * DAY, is_ca=True)
    secret = testing.Secret(
        {"certificate": certificate.raw, "private-key": key.raw, "chain": root.raw}
    )
    relation = asking(leaf_key, "sub", is_ca=True)
    config = {"ca-secret": secret.id, "allow-ca-certificates": True}
    out = ctx.run(
        ctx.on.relation_changed(relation, remote_unit=0),
        state(relation, config=config, secrets=[secret]),
    )
    assert answers(out) == []
    [error] = errors(out)
    assert (error["name"], "path length is 0" in error["reason"]) == ("other", True)


def test_damaged_record_of_the_ca_is_rebuilt(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """If the record of the CA is lost, the CA is found again by what it issued."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    peers = issued.get_relation(1)
    damaged = dataclasses.replace(
        peers, local_app_data={**peers.local_app_data, "authorities": "{", "issued": "7"}
    )
    broken = dataclasses.replace(issued, relations={issued.get_relation(7), damaged})
    out = ctx.run(ctx.on.update_status(), broken)
    assert answers(out) == answers(issued)
    assert memory(out).ledger == memory(issued).ledger
    in_use = memory(out).authorities[0].certificate
    assert in_use == memory(issued).authorities[0].certificate


def test_everyone_hears_of_capabilities(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """What the policy allows is told to requirers beforehand."""
    relation = asking(leaf_key, "web-0")
    event = ctx.on.relation_changed(relation, remote_unit=0)
    out = ctx.run(event, state(relation, config={"allow-ip-sans": False}))
    told = json.loads(out.get_relation(7).local_app_data["capabilities"])
    assert told["supports_ip_sans"] is False


def test_ca_that_signs_leaves_alone_says_so(
    ctx: testing.Context[Any], leaf_key: PrivateKey, ca_key: PrivateKey, root: Certificate
) -> None:
    """Requirers hear in the hook in which such a CA comes to issue that it makes no CAs."""
    asked = CertificateRequestAttributes(common_name="between", is_ca=True)
    between = asked.generate_csr(leaf_key).sign(root, ca_key, DAY, is_ca=True)
    secret = testing.Secret(
        {"certificate": between.raw, "private-key": leaf_key.raw, "chain": root.raw}
    )
    relation = testing.Relation("certificates", id=7)
    config = {"allow-ca-certificates": True, "ca-secret": secret.id}
    out = ctx.run(ctx.on.config_changed(), state(relation, secrets=[secret], config=config))
    told = json.loads(out.get_relation(7).local_app_data["capabilities"])
    assert told["supports_ca_certificates"] is False


def test_name_constraints_of_a_brought_ca_hold(
    ctx: testing.Context[Any], ca_key: PrivateKey, leaf_key: PrivateKey
) -> None:
    """A name that no verifier would take under the operator's CA is denied; others are issued."""
    attributes = CertificateRequestAttributes(
        common_name="mine",
        is_ca=True,
        add_unique_id_to_subject_name=False,
        additional_critical_extensions=[
            x509.NameConstraints([x509.DNSName("example.com")], None),
        ],
    )
    mine = Certificate.generate_self_signed_ca(attributes, ca_key, 365 * DAY)
    secret = testing.Secret({"certificate": mine.raw, "private-key": ca_key.raw})
    relation = asking(leaf_key, "a.example.com", "a.test")
    out = ctx.run(
        ctx.on.config_changed(),
        state(relation, secrets=[secret], config={"ca-secret": secret.id}),
    )
    assert len(answers(out)) == 1
    [error] = errors(out)
    assert (error["code"], "a.test" in error["reason"]) == (102, True)
