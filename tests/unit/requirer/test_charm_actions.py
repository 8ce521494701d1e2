"""The actions of the charm, the CAs that it is told to trust, and what it never tells."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
)
from demo_requirer.pairs import serial_hex
from tests.unit.requirer.scene import (
    DAYS,
    QUICK,
    Place,
    Provider,
    certificates,
    requests,
)

if TYPE_CHECKING:
    from demo_requirer.charm import DemoRequirerCharm


@pytest.fixture
def unrelated(ctx: testing.Context[DemoRequirerCharm], served: testing.State) -> testing.State:
    """A unit whose relation is gone, and that serves what it has."""
    out = ctx.run(ctx.on.relation_broken(certificates(served)), served)
    return dataclasses.replace(out, relations=[])


# CAs to trust


@pytest.mark.parametrize("is_own", [True, False])
def test_trusted_cas(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
    *,
    is_own: bool,
) -> None:
    """Given CAs are offered; a chain that leads to none of them is served, and said."""
    attributes = CertificateRequestAttributes(common_name="other", is_ca=True)
    other = Certificate.generate_self_signed_ca(attributes, provider.key, 9 * DAYS)
    given = provider.ca.raw if is_own else other.raw
    trust = testing.Relation(
        "receive-ca-cert",
        remote_app_data={"certificates": json.dumps(["nonsense", given]), "version": "1"},
    )
    new = dataclasses.replace(served, relations=[*served.relations, trust])
    out = ctx.run(ctx.on.relation_changed(trust), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert ("leads to no CA" in out.unit_status.message) is not is_own
    assert place.content.trusted == (given.strip(),)


# Actions


def test_get_certificate(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Certificate, chain, CA and request, and never the key."""
    ctx.run(ctx.on.action("get-certificate"), served)
    results = ctx.action_results or {}
    assert set(results) == {"certificate", "chain", "ca", "csr", "certificates"}
    assert results["certificate"].strip() == place.content.pairs[0].chain[0]
    assert "PRIVATE KEY" not in json.dumps(results)


@pytest.mark.parametrize("action", ["get-certificate", "renew-certificate"])
def test_action_without_a_certificate(
    action: str, ctx: testing.Context[DemoRequirerCharm], asked: testing.State
) -> None:
    """An action that has nothing to work on fails with words."""
    with pytest.raises(testing.ActionFailed, match=r"[Nn]o certificate"):
        ctx.run(ctx.on.action(action), asked)


def test_renew_an_unknown_one(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """A name that this unit has no certificate for is refused, with those that it has."""
    with pytest.raises(testing.ActionFailed, match="'nobody'; it has: web-0"):
        ctx.run(ctx.on.action("renew-certificate", params={"common-name": "nobody"}), served)


def test_regenerate_private_key(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A new key is asked for at once, and the old pair is served meanwhile."""
    before = place.serials
    old = CertificateSigningRequest.from_string(requests(served)[0])
    out = ctx.run(ctx.on.action("regenerate-private-key"), served)
    new = CertificateSigningRequest.from_string(requests(out)[0])
    assert new.public_key_sha256 != old.public_key_sha256
    assert place.serials == before


def test_import_private_key(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """A key out of a user secret is used, and said to be forgotten with the relation."""
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=384)
    secret = testing.Secret({"private-key": key.raw})
    new = dataclasses.replace(served, secrets=[*served.secrets, secret])
    out = ctx.run(ctx.on.action("import-private-key", params={"secret-id": secret.id}), new)
    assert "forgotten with the relation" in (ctx.action_results or {})["result"]
    assert CertificateSigningRequest.from_string(requests(out)[0]).matches_private_key(key)


def test_new_key_without_a_relation(
    ctx: testing.Context[DemoRequirerCharm], unrelated: testing.State, place: Place
) -> None:
    """It promises no certificates before there is whom to ask, and then asks for this key."""
    before = place.serials
    changed = ctx.run(ctx.on.action("regenerate-private-key"), unrelated)
    said = (ctx.action_results or {})["result"]
    assert "No provider" in said
    assert "asked for when one is" in said
    assert place.serials == before
    relation = testing.Relation("certificates", remote_app_name="ca")
    related = dataclasses.replace(changed, relations=[relation])
    out = ctx.run(ctx.on.relation_created(relation), related)
    keys = [
        PrivateKey.from_string(text)
        for secret in changed.secrets
        for text in secret.tracked_content.values()
        if "PRIVATE KEY" in text
    ]
    asked = CertificateSigningRequest.from_string(requests(out)[0])
    assert sum(asked.matches_private_key(key) for key in keys) == 1


def test_imported_key_without_a_relation(
    ctx: testing.Context[DemoRequirerCharm], unrelated: testing.State
) -> None:
    """It says when certificates for the key are asked for."""
    secret = testing.Secret({"private-key": PrivateKey.generate(key_algorithm="ecdsa").raw})
    new = dataclasses.replace(unrelated, secrets=[*unrelated.secrets, secret])
    ctx.run(ctx.on.action("import-private-key", params={"secret-id": secret.id}), new)
    assert "asked for when one is" in (ctx.action_results or {})["result"]


def test_renewal_without_a_relation(
    ctx: testing.Context[DemoRequirerCharm], unrelated: testing.State
) -> None:
    """What nobody can renew is not said to be renewed."""
    with pytest.raises(testing.ActionFailed, match="No provider of certificates"):
        ctx.run(ctx.on.action("renew-certificate"), unrelated)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param({"key": "x"}, "has no field `private-key`", id="no field"),
        pytest.param({"private-key": "hush"}, "is no PEM private key", id="no key"),
        pytest.param(None, "cannot be read", id="no secret"),
    ],
)
def test_import_of_what_is_no_key(
    content: dict[str, str] | None,
    says: str,
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
) -> None:
    """It is refused with the reason, and never quoted."""
    secret = testing.Secret(content or {"private-key": "hush"})
    secrets = [*served.secrets, secret] if content else served.secrets
    new = dataclasses.replace(served, secrets=secrets)
    with pytest.raises(testing.ActionFailed, match=says) as caught:
        ctx.run(ctx.on.action("import-private-key", params={"secret-id": secret.id}), new)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("action", ["regenerate-private-key"])
def test_application_key_on_a_follower(
    action: str, ctx: testing.Context[DemoRequirerCharm], asked: testing.State
) -> None:
    """A follower has no say in the application's key, and says who has."""
    follower = dataclasses.replace(asked, leader=False, config=QUICK | {"mode": "app"})
    with pytest.raises(testing.ActionFailed, match="run this on its leader"):
        ctx.run(ctx.on.action(action), follower)


def test_key_of_another_mode(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """A key that there is none of in this mode is refused."""
    with pytest.raises(testing.ActionFailed, match="In unit mode there is no key of the app"):
        ctx.run(ctx.on.action("regenerate-private-key", params={"mode": "app"}), served)


def test_get_status(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Everything that the status has no room for, as JSON."""
    ctx.run(ctx.on.action("get-status"), served)
    report = json.loads((ctx.action_results or {})["status"])
    assert report["mode"] == "unit"
    assert [one["serial-number"] for one in report["serving"]] == [
        serial_hex(serial) for serial in place.serials
    ]
    assert report["waiting-for"] == report["denied"] == report["problems"] == []


# What is never told


def test_key_is_in_secrets_and_key_files_alone(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """No databag, log, status or stored state has a line of the private key."""
    lines = place.content.pairs[0].private_key.splitlines()[1:-1]
    told = json.dumps(
        [
            [relation.local_unit_data for relation in served.relations],
            [dict(one.content) for one in served.stored_states],
            [entry.message for entry in ctx.juju_log],
            served.unit_status.message,
        ]
    )
    assert not any(line in told for line in lines)
