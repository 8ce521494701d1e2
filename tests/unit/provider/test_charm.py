"""The charm's shell: events, statuses and actions, with the state that Juju would keep."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

import ops
import pytest
from cryptography import x509
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)
from self_signed_provider import records
from tests.unit.provider.conftest import make_root, new_key
from tests.unit.provider.scene import (
    answers,
    asking,
    errors,
    memory,
    revoked_serials,
    state,
)

DAY = datetime.timedelta(days=1)


def test_issues(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A request is answered with a certificate of the CA, chain and all, in the same hook."""
    relation = asking(leaf_key, "web-0")
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    [answer] = answers(out)
    leaf, root = (Certificate.from_string(pem) for pem in answer["chain"])
    assert leaf.is_signed_by(root)
    assert leaf.matches_private_key(leaf_key)
    assert root.common_name == "my-ca"
    assert out.unit_status == testing.ActiveStatus(
        f"1 certificate, CA until {root.expiry_time:%F}"
    )
    assert out.app_status == out.unit_status


def test_second_hook_changes_nothing(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """What has been answered stays as it is: databags, secrets and memory."""
    relation = asking(leaf_key, "web-0")
    event = ctx.on.relation_changed(relation, remote_unit=0)
    first = ctx.run(event, state(relation))
    again = ctx.run(ctx.on.update_status(), first)
    assert again.relations == first.relations
    assert again.secrets == first.secrets


def test_key_is_nowhere_but_in_a_secret(
    ctx: testing.Context[Any], leaf_key: PrivateKey, caplog: pytest.LogCaptureFixture
) -> None:
    """The CA's key stands in a secret of the application, and in no databag, log or status."""
    relation = asking(leaf_key, "web-0")
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    [ca] = [s for s in out.secrets if "private-key" in s.tracked_content]
    assert ca.owner == "app"
    seen = [str(r) for r in out.relations] + [str(out.unit_status), caplog.text, str(ctx.juju_log)]
    assert not any("PRIVATE KEY" in text for text in seen)


def test_names_requirer_in_ledger(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """The ledger has the certificate under the unit that asked for it."""
    relation = asking(leaf_key, "web-0")
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    [entry] = memory(out).ledger
    assert (entry.requirer, entry.relation_id, entry.names) == ("web/0", 7, ("web-0",))


def test_copied_request_takes_nothing_from_its_owner(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """Who copies another's request gets a certificate for a key that is not theirs; the owner's
    stays, also when the other one goes.
    """
    owner = asking(leaf_key, "web-0")
    copy = dataclasses.replace(owner, id=8, remote_app_name="copier")
    out = ctx.run(ctx.on.relation_changed(owner, remote_unit=0), state(owner))
    [before] = answers(out)
    copied = dataclasses.replace(out, relations={*out.relations, copy})
    out = ctx.run(ctx.on.relation_changed(copy, remote_unit=0), copied)
    [other] = answers(out, 8)
    assert Certificate.from_string(other["certificate"]).matches_private_key(leaf_key)
    out = ctx.run(ctx.on.relation_broken(out.get_relation(8)), out)
    assert answers(out) == [before]
    revoked = {entry.serial for entry in memory(out).ledger if entry.revoked_at}
    assert revoked == {Certificate.from_string(other["certificate"]).serial_number}
    assert not memory(out).ledger.refused_keys


def test_follower_writes_nothing(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A unit that does not lead answers nobody, and says that it stands by."""
    relation = asking(leaf_key, "web-0")
    led = ctx.run(ctx.on.config_changed(), state())
    follower = dataclasses.replace(
        led, leader=False, relations={*led.relations, relation}, secrets=frozenset()
    )
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), follower)
    assert out.get_relation(7) == relation
    assert out.unit_status == testing.ActiveStatus("Standing by; the leader issues")


def test_wrong_option_named_and_last_good_in_force(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """With a wrong option the unit is Blocked, and requests are answered as before it."""
    good = ctx.run(ctx.on.config_changed(), state(config={"certificate-validity": "2d"}))
    relation = asking(leaf_key, "web-0")
    wrong = dataclasses.replace(
        good,
        config={**good.config, "certificate-validity": "-5d"},
        relations={*good.relations, relation},
    )
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), wrong)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "certificate-validity" in out.unit_status.message
    [answer] = answers(out)
    leaf = Certificate.from_string(answer["certificate"])
    assert DAY < leaf.expiry_time - leaf.validity_start_time < 3 * DAY


def test_application_without_peers(ctx: testing.Context[Any]) -> None:
    """Refreshed from a charm that had none, it is Blocked and says what is missing and to do."""
    out = ctx.run(ctx.on.upgrade_charm(), testing.State(leader=True))
    out = ctx.run(ctx.on.config_changed(), out)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "no `ledger` relation" in out.unit_status.message
    assert "deploy this charm anew" in out.unit_status.message
    assert out.app_status == out.unit_status
    with pytest.raises(testing.ActionFailed, match="no `ledger` relation"):
        run_action(ctx, "get-ca-certificate", out)


def test_peers_that_come_late(ctx: testing.Context[Any]) -> None:
    """Where Juju makes the relation after the refresh, the authority begins its work."""
    lacking = ctx.run(ctx.on.config_changed(), testing.State(leader=True))
    peers = testing.PeerRelation("ledger", id=1)
    given = dataclasses.replace(lacking, relations={peers}, config={"key-algorithm": "ecdsa-p256"})
    out = ctx.run(ctx.on.relation_created(peers), given)
    assert isinstance(out.unit_status, testing.ActiveStatus)


def test_before_peers_and_after(ctx: testing.Context[Any]) -> None:
    """A unit that is being installed, or that has left its peers already, misses no relation."""
    first = ctx.run(ctx.on.install(), testing.State(leader=True))
    led = ctx.run(ctx.on.config_changed(), state())
    last = ctx.run(ctx.on.stop(), dataclasses.replace(led, relations=frozenset()))
    for out in (first, last):
        assert isinstance(out.unit_status, testing.WaitingStatus)


def test_wrong_from_the_start(ctx: testing.Context[Any]) -> None:
    """Without any good configuration there is no CA, and the unit says what is wrong."""
    out = ctx.run(ctx.on.config_changed(), state(config={"ca-country-name": "DEU"}))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert memory(out) == records.Memory()


def test_denial_is_answered_once(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A denied request gets its code and reason, counted in the status, and no second write."""
    relation = asking(leaf_key, "a.test", "b.example.com")
    event = ctx.on.relation_changed(relation, remote_unit=0)
    out = ctx.run(event, state(relation, config={"allowed-domains": "example.com"}))
    [error] = errors(out)
    assert (error["code"], error["name"]) == (102, "domain_not_allowed")
    assert "1 certificate, 1 denied" in out.unit_status.message
    assert ctx.run(ctx.on.update_status(), out).relations == out.relations


def test_denial_is_looked_at_again(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """When the policy changes, what it denied is issued, and the error goes."""
    relation = asking(leaf_key, "a.test")
    event = ctx.on.relation_changed(relation, remote_unit=0)
    denied = ctx.run(event, state(relation, config={"allowed-domains": "example.com"}))
    changed = dataclasses.replace(denied, config={**denied.config, "allowed-domains": "test"})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert (len(answers(out)), errors(out)) == (1, [])


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


def test_unit_that_is_removed_writes_nothing(
    ctx: testing.Context[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Juju takes no relation data of a unit that is going: that fails none of its hooks."""
    stale = testing.Relation("send-ca-cert", id=9, local_unit_data={"ca": '"old"'})
    led = ctx.run(ctx.on.config_changed(), state())
    leaving = testing.StoredState(owner_path="SelfSignedProviderCharm", content={"leaving": True})
    before = dataclasses.replace(
        led, leader=False, relations={*led.relations, stale}, stored_states={leaving}
    )

    def refuse(*_: object, **__: object) -> None:
        raise ops.ModelError("ERROR cannot read relation settings: relation unit not found")

    monkeypatch.setattr("scenario.mocking._MockModelBackend.relation_set", refuse)
    out = ctx.run(ctx.on.update_status(), before)
    assert out.get_relation(9).local_unit_data == stale.local_unit_data


def test_relation_of_nobody_fails_no_hook(
    ctx: testing.Context[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Juju does not tell who is at the other end, as where that is ending, others go on."""
    nobodys = [
        testing.Relation("send-ca-cert", id=9, remote_units_data={}),
        testing.Relation("certificates", id=8, remote_units_data={}),
    ]
    trust = testing.Relation("send-ca-cert", id=10, remote_app_data={"version": "1"})

    def unknown(_backend: object, relation_id: int, **_: object) -> str | None:
        return None if relation_id in {8, 9} else "client"

    monkeypatch.setattr("scenario.mocking._MockModelBackend.relation_remote_app_name", unknown)
    out = ctx.run(ctx.on.update_status(), state(*nobodys, trust))
    assert "certificates" in out.get_relation(10).local_app_data


def test_departed_unit_is_revoked(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """When a unit leaves, its certificate is revoked, and its key is not to blame."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    gone = dataclasses.replace(issued.get_relation(7), remote_units_data={})
    left = dataclasses.replace(issued, relations={issued.get_relation(1), gone})
    out = ctx.run(ctx.on.relation_departed(gone, remote_unit=0, departing_unit=0), left)
    [entry] = memory(out).ledger
    assert entry.revoked_at is not None
    assert not memory(out).ledger.refused_keys


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


def run_action(
    ctx: testing.Context[Any], name: str, before: testing.State, **params: Any
) -> testing.State:
    return ctx.run(ctx.on.action(name, params=params), before)


def test_action_gives_the_ca(ctx: testing.Context[Any]) -> None:
    """`get-ca-certificate` gives the CA in use."""
    run_action(ctx, "get-ca-certificate", ctx.run(ctx.on.config_changed(), state()))
    assert ctx.action_results is not None
    assert Certificate.from_string(ctx.action_results["ca-certificate"]).common_name == "my-ca"


def test_action_before_there_is_a_ca(ctx: testing.Context[Any]) -> None:
    """Without a CA the action fails, and says so."""
    with pytest.raises(testing.ActionFailed, match="no CA yet"):
        run_action(ctx, "get-ca-certificate", state(leader=False))


@pytest.mark.parametrize("action", ["get-ca-certificate", "get-issued-certificates"])
def test_action_on_a_unit_that_is_removed(ctx: testing.Context[Any], action: str) -> None:
    """A leader that has left the ledger already says why it cannot tell, and whom to ask."""
    issued = ctx.run(ctx.on.config_changed(), state())
    others = [one for one in issued.relations if one.endpoint != "ledger"]
    with pytest.raises(testing.ActionFailed, match="being removed: ask another unit"):
        run_action(ctx, action, dataclasses.replace(issued, relations=others))


def test_action_lists_what_was_issued(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """`get-issued-certificates` gives JSON, on any unit."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    run_action(ctx, "get-issued-certificates", dataclasses.replace(issued, leader=False))
    assert ctx.action_results is not None
    [entry] = json.loads(ctx.action_results["certificates"])
    assert (entry["requirer"], entry["names"], entry["revoked"]) == ("web/0", ["web-0"], False)


def test_revoked_by_serial(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A revoked certificate stays as the answer, marked, in place of any other."""
    relation = asking(leaf_key, "web-0", "web-1")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    one, other = (Certificate.from_string(a["certificate"]) for a in answers(issued))
    out = run_action(ctx, "revoke-certificate", issued, serial=f"{one.serial_number:x}")
    assert [a.get("revoked") for a in answers(out)] == [True, None]
    assert revoked_serials(memory(out).ledger) == {one.serial_number}
    later = ctx.run(ctx.on.update_status(), out)
    assert answers(later) == answers(out)
    assert other.serial_number not in revoked_serials(memory(later).ledger)


def test_revoking_what_is_not_there(ctx: testing.Context[Any]) -> None:
    """A serial number that was never issued is refused, and nothing changes."""
    before = ctx.run(ctx.on.config_changed(), state())
    with pytest.raises(testing.ActionFailed, match="No certificate"):
        run_action(ctx, "revoke-certificate", before, serial="ab:cd")


def test_revoking_takes_one_parameter(ctx: testing.Context[Any]) -> None:
    """Neither both parameters nor none of them are accepted."""
    before = ctx.run(ctx.on.config_changed(), state())
    with pytest.raises(testing.ActionFailed, match="either serial or relation"):
        run_action(ctx, "revoke-certificate", before)


def test_compromised_key_is_replaced_at_once(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """After `rotate-private-key` every request holds a certificate of a new CA, not revoked."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    out = run_action(ctx, "rotate-private-key", issued)
    [old], [new] = answers(issued), answers(out)
    assert new["ca"] != old["ca"]
    assert "revoked" not in new
    keys = [s for s in out.secrets if "private-key" in s.tracked_content]
    assert [s.tracked_content["certificate"] for s in keys] == [new["ca"]]
    run_action(ctx, "get-crl", out)
    assert ctx.action_results is not None
    lists = json.loads(ctx.action_results["crls"])
    assert len(lists) == 2, "the last list of the old CA, and one of the new"


def test_crl_numbers_grow(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """Each call makes a list with a higher number."""
    relation = asking(leaf_key, "web-0")
    now = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    numbers: list[int] = []
    for _ in range(2):
        now = run_action(ctx, "get-crl", now)
        assert ctx.action_results is not None
        numbers += [entry["number"] for entry in json.loads(ctx.action_results["crls"])]
    assert numbers[0] < numbers[1]


def test_follower_does_not_rotate(ctx: testing.Context[Any]) -> None:
    """What only the leader can do fails elsewhere, with the unit to run it on."""
    before = dataclasses.replace(ctx.run(ctx.on.config_changed(), state()), leader=False)
    with pytest.raises(testing.ActionFailed, match="my-ca/leader"):
        run_action(ctx, "rotate-private-key", before)


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


# The library for the interface that ops carries along was written for an older pydantic.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
def test_traces_go_where_the_relation_says(
    ctx: testing.Context[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tracing endpoint is asked for OTLP over HTTP, and its address is used."""
    told: list[dict[str, str | None]] = []

    def remember(**where: str | None) -> None:
        told.append(where)

    monkeypatch.setattr(ops.tracing, "set_destination", remember)
    receiver = {"protocol": {"name": "otlp_http", "type": "http"}, "url": "http://tempo:4318"}
    relation = testing.Relation(
        "charm-tracing",
        id=9,
        remote_app_data={"receivers": json.dumps([receiver])},
        remote_units_data={0: {}},
    )
    asked = ctx.run(ctx.on.relation_created(relation), state(relation)).get_relation(relation.id)
    assert json.loads(asked.local_app_data["receivers"]) == ["otlp_http"]
    ctx.run(ctx.on.relation_changed(asked, remote_unit=0), state(asked))
    assert told[-1] == {"url": "http://tempo:4318/v1/traces", "ca": None}
