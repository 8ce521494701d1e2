"""Whose certificates they are: the unit's, the application's, or both; and who may read them."""

import dataclasses
import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Mode,
    PrivateKey,
    ProviderCapabilities,
    TLSCertificatesError,
)
from tests.unit.lib import keys
from tests.unit.lib.requirers import BOTH, LIBID, Requirer, related

APP_KEY = "private-key-app-certificates"
UNIT_KEY = "private-key-0-certificates"


def test_app_mode_on_the_leader() -> None:
    """The application's request is in its databag, and the application owns its secrets."""
    leader = related(mode=Mode.APP, leader=True)
    leader.answer_all()
    assert leader.requests("unit") == []
    assert "unit" not in {one.owner for one in leader.state.secrets}
    digest = leader.requests("app")[0].get_sha256_hex()
    assert leader.labels() == {APP_KEY, f"certificate-certificates-{digest}"}
    assert len(leader.assigned()[0]) == 1


def test_app_mode_on_a_follower() -> None:
    """Another unit asks for nothing and has no certificate assigned."""
    follower = related(mode=Mode.APP, leader=False)
    assert follower.labels() == set()
    assert follower.assigned() == ([], None)
    assert follower.call(lambda tls: tls.get_csrs_from_requirer_relation_data()) == []


def test_new_leader_carries_on() -> None:
    """A unit that becomes leader keeps the application's key and certificate."""
    old = related(mode=Mode.APP, leader=True)
    old.answer_all()
    asked = old.requests("app")
    old.state = dataclasses.replace(old.state, leader=False)
    old.update_status()
    old.state = dataclasses.replace(old.state, leader=True)
    old.run(old.context.on.leader_elected())
    assert old.requests("app") == asked
    assert old.names_told() == ["certificate_available"]


def test_both_on_the_leader() -> None:
    """The unit and the application have a request each, with a key each."""
    leader = related(leader=True, **BOTH)
    leader.answer_all()
    unit, unit_key = leader.assigned(Mode.UNIT)
    app, app_key = leader.assigned(Mode.APP)
    assert [one.certificate.common_name for one in (*unit, *app)] == ["unit", "app"]
    assert unit_key != app_key
    assert leader.assigned() == (unit, unit_key)


def test_both_on_a_follower() -> None:
    """Another unit has its own certificate alone."""
    follower = related(leader=False, **BOTH)
    follower.answer_all()
    assert len(follower.assigned(Mode.UNIT)[0]) == 1
    assert follower.assigned(Mode.APP) == ([], None)


def test_keys_by_mode() -> None:
    """A key can be changed for one of both."""
    leader = related(leader=True, **BOTH)
    before = {
        mode: leader.call(lambda tls, m=mode: tls.get_private_key(m))
        for mode in (Mode.APP, Mode.UNIT)
    }
    leader.call(lambda tls: tls.regenerate_private_key(Mode.APP))
    assert leader.call(lambda tls: tls.get_private_key(Mode.APP)) != before[Mode.APP]
    assert leader.call(lambda tls: tls.private_key) == before[Mode.UNIT]
    leader.call(lambda tls: tls.import_private_key(keys.key("imported")))
    for mode in (Mode.APP, Mode.UNIT):
        assert leader.call(lambda tls, m=mode: tls.get_private_key(m)) == keys.key("imported")


def test_key_secret_ids() -> None:
    """The identifier is that of the mode's secret; in APP_AND_UNIT it needs a mode."""
    leader = related(leader=True, **BOTH)
    ids = {str(one.label): one.id for one in leader.state.secrets}

    def found(mode: Mode | None) -> str | None:
        return leader.call(lambda tls: tls.get_private_key_secret_id(mode))

    assert found(None) is None
    assert found(Mode.APP) == ids[f"{LIBID}-{APP_KEY}"]
    assert found(Mode.UNIT) == ids[f"{LIBID}-{UNIT_KEY}"]


@pytest.mark.parametrize(
    ("before", "after", "labels"),
    [
        pytest.param(Mode.UNIT, Mode.APP, {APP_KEY}, id="to the application"),
        pytest.param(Mode.APP, Mode.UNIT, {UNIT_KEY}, id="to the unit"),
    ],
)
def test_mode_changed(before: Mode, after: Mode, labels: set[str]) -> None:
    """A mode that changes empties what was in force: requests, key, certificates."""
    leader = related(mode=before, leader=True)
    leader.answer_all()
    leader.options["mode"] = after
    leader.update_status()
    requests = {mode: len(leader.requests(mode)) for mode in ("unit", "app")}
    assert requests == {"unit": after is Mode.UNIT, "app": after is Mode.APP}
    leader.update_status()
    assert leader.labels() == labels


def test_mode_changed_and_changed_back() -> None:
    """What was looked at once and found empty is looked at again when it has been in force."""
    leader = related(mode=Mode.UNIT, leader=True)
    leader.update_status()
    for mode, label in ((Mode.APP, APP_KEY), (Mode.UNIT, UNIT_KEY)):
        leader.options["mode"] = mode
        leader.update_status()
        leader.answer_all()
        leader.update_status()
        assert {one for one in leader.labels() if "private-key" in one} == {label}
    assert leader.requests("app") == []


@pytest.mark.parametrize("event", ["leader_elected", "upgrade_charm"])
def test_left_by_another_leader(event: str) -> None:
    """What another leader, or other code, left of the application is cleared up, though once
    there was nothing.
    """
    leader = related(mode=Mode.UNIT, leader=True)
    leader.update_status()
    left = testing.Secret({"private-key": keys.key().raw}, label=f"{LIBID}-{APP_KEY}", owner="app")
    leader.state = dataclasses.replace(leader.state, secrets={*leader.state.secrets, left})
    leader.run(getattr(leader.context.on, event)())
    assert leader.labels() == {UNIT_KEY}


def test_leader_reads_the_same() -> None:
    """On the leader, and in mode UNIT, the method tells what is assigned."""
    leader = related(mode=Mode.APP, leader=True)
    leader.answer_all()
    assert leader.call(lambda tls: tls.get_application_certificates()) == leader.assigned()
    unit = related()
    assert unit.call(lambda tls: tls.get_application_certificates()) == ([], None)


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """Nothing of a charm that could not be made."""
    yield
    # `ops.testing` puts back what it changed of tracing when that run is collected: better now
    # than in the middle of another's.
    gc.collect()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"mode": Mode.APP_AND_UNIT}, "certificate_requests must be None", id="both"),
        pytest.param(
            {**BOTH, "certificate_requests_by_mode": None},
            "needs certificate_requests_by_mode",
            id="none",
        ),
        pytest.param({**BOTH, "mode": Mode.UNIT}, "use certificate_requests", id="wrong one"),
        pytest.param({"mode": "unit"}, "Mode.UNIT", id="no mode"),
        pytest.param({"certificate_requests": [7]}, "CertificateRequestAttributes", id="no list"),
        pytest.param(
            {**BOTH, "certificate_requests_by_mode": {"app": []}}, "Mode.APP", id="no mode as key"
        ),
        pytest.param(
            {**BOTH, "certificate_requests_by_mode": []}, "must be a dict", id="no mapping"
        ),
        pytest.param({"renewal_relative_time": 0.5}, "over 0.5", id="fraction"),
        pytest.param({"renewal_relative_time": "0.9"}, "over 0.5", id="fraction as text"),
        pytest.param({"key_size": 2048.0}, "key_size", id="size as fraction"),
        pytest.param({"private_key": "SECRET"}, "must be a PrivateKey", id="key as text"),
        pytest.param({"key_size": 100}, "key_size", id="size"),
        pytest.param({"key_algorithm": "dsa"}, "key_algorithm", id="algorithm"),
        pytest.param(
            {"private_key": PrivateKey(x509_object=rsa.generate_private_key(65537, 1024))},
            "private_key",
            id="weak key",
        ),
    ],
)
@pytest.mark.usefixtures("nothing_is_left")
def test_authors_mistakes_raise(options: dict[str, Any], words: str) -> None:
    """What the author of a charm passes wrongly is named when the library is made."""
    requirer = Requirer(**options)
    with pytest.raises(testing.errors.UncaughtCharmError) as raised:
        requirer.update_status()
    assert isinstance(raised.value.__cause__, TLSCertificatesError)
    assert "SECRET" not in str(raised.value.__cause__)
    assert words in str(raised.value.__cause__)


def test_callable_for_both() -> None:
    """Requests by mode may depend on the provider, too."""

    def requests(_: ProviderCapabilities | None) -> Any:
        return BOTH["certificate_requests_by_mode"]

    options: dict[str, Any] = {**BOTH, "certificate_requests_by_mode": requests}
    requirer = related(leader=True, **options)
    assert [len(requirer.requests(bag)) for bag in ("unit", "app")] == [1, 1]


def test_callable_for_each() -> None:
    """What one owner requests may depend on the provider, and what the other does may not."""
    by_mode = BOTH["certificate_requests_by_mode"]

    def of_unit(_: ProviderCapabilities | None) -> Any:
        return by_mode[Mode.UNIT]

    mixed = {Mode.APP: by_mode[Mode.APP], Mode.UNIT: of_unit}
    options: dict[str, Any] = {**BOTH, "certificate_requests_by_mode": mixed}
    requirer = related(leader=True, **options)
    assert [len(requirer.requests(bag)) for bag in ("unit", "app")] == [1, 1]


def test_leader_removed() -> None:
    """When the leading unit is removed, the next one finds the application's key and secrets."""
    # `ops.testing` calls the departing unit by the remote application's name: here it is our own.
    leader = Requirer(leader=True, **BOTH)
    leader.relate(remote_app_name="req")
    leader.answer_all()
    shared = {one.label for one in leader.state.secrets if one.owner != "unit"}
    asked = leader.requests("app")
    on = leader.context.on
    leader.run(on.relation_departed(leader.relation, remote_unit=0, departing_unit=0))
    leader.run(on.relation_broken(leader.relation))
    assert {one.label for one in leader.state.secrets} == shared
    assert leader.requests("app") == asked


def test_json_of_app_databag() -> None:
    """The application's databag has the requests as the unit's would."""
    leader = related(mode=Mode.APP, leader=True)
    (entry,) = json.loads(leader.relation.local_app_data["certificate_signing_requests"])
    assert set(entry) == {"certificate_signing_request", "ca"}
