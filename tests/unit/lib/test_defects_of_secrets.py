"""Defects of the published library with Juju's secrets, each as a test that fails with it.

The numbers are those of the list in the documentation.
"""

import dataclasses
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import ops
import pytest
from ops import testing

from tests.unit.lib import keys
from tests.unit.lib.providers import requests
from tests.unit.lib.requirers import (
    LATEST,
    LIBID,
    NOW,
    Requirer,
    certificates,
    served,
)

DAY = timedelta(days=1)


def test_defect_17_revisions_of_the_charms_secrets_are_left() -> None:
    """The library removes old revisions of its own secrets, and of no others."""
    requirer = served()
    own = testing.Secret({"password": "x"}, label="own", owner="unit")
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, own})
    requirer.run(requirer.context.on.secret_remove(own, revision=LATEST))
    assert requirer.context.removed_secret_revisions == []
    key = requirer.secret("private-key")
    requirer.run(requirer.context.on.secret_remove(key, revision=LATEST))
    assert requirer.context.removed_secret_revisions == [LATEST]


def _pending(requirer: Requirer) -> set[str]:
    """Return the labels of secrets whose expiry is pending, and not far away."""
    return {
        str(one.label)
        for one in requirer.state.secrets
        if one.expire is not None and one.expire.year < 2999
    }


def test_defect_40_no_secret_is_removed_with_its_expiry_pending(clock: Any) -> None:
    """Over ten renewals, no secret that a hook found pending is gone after that hook.

    Juju would go on telling of its expiry; and all the while a valid certificate is assigned.
    """
    requirer = served()
    alarms = 0
    for _ in range(10):
        secret = next(
            one for one in requirer.state.secrets if str(one.label) in _pending(requirer)
        )
        assert secret.expire is not None
        clock.move_to(secret.expire)
        for step in (
            lambda one=secret: requirer.expire(one),
            requirer.answer_all,
            requirer.update_status,
        ):
            pending = _pending(requirer)
            step()
            assert {label.removeprefix(f"{LIBID}-") for label in pending} <= requirer.labels()
            (assigned,), key = requirer.assigned()
            assert assigned.certificate.matches_private_key(key)
            assert assigned.certificate.is_valid_at(datetime.now(timezone.utc))
        alarms += 1
        assert len(requirer.labels()) == 2
    assert alarms == 10


def test_defect_40_event_of_a_secret_that_is_gone_costs_nothing() -> None:
    """Juju goes on telling of secrets that were removed, with an empty label."""
    requirer = served()
    gone = testing.Secret({"certificate": "x"}, owner="unit")
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, gone})
    before = requirer.request
    requirer.expire(gone)
    assert requirer.request == before
    assert requirer.told == []


def test_defect_40_event_of_the_charms_own_secret_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a secret that is none of the library's, not even a databag is read."""
    requirer = served()
    own = testing.Secret({"password": "x"}, label="password", owner="unit")
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, own})
    read: list[str] = []

    def get(_: Any, key: str, __: Any = None) -> None:
        read.append(key)

    monkeypatch.setattr(ops.RelationDataContent, "get", get)
    requirer.expire(own)
    assert read == []


def test_defect_41_what_v3_left_is_removed() -> None:
    """The secret that v3 made for its certificate goes, in two hooks."""
    csr = keys.csr_of()
    answer = keys.answer(csr)
    content = {"certificate": answer.certificate.raw, "csr": csr.raw}
    v3 = testing.Secret(
        content, label=f"{LIBID}-{csr.get_sha256_hex()}", owner="unit", expire=NOW + 900 * DAY
    )
    requirer = Requirer(private_key=keys.key())
    requirer.state = dataclasses.replace(requirer.state, secrets={v3})
    requirer.relate(
        local_unit_data={"certificate_signing_requests": json.dumps(requests([csr]))},
        remote_app_data={"certificates": json.dumps(certificates([answer]))},
    )
    assert str(v3.label).removeprefix(f"{LIBID}-") in requirer.labels()
    requirer.update_status()
    assert requirer.labels() == {f"certificate-0-certificates-{csr.get_sha256_hex()}"}


def test_defect_42_new_content_gets_its_own_expiry(clock: Any) -> None:
    """A certificate issued again for the same request has a due of its own; the old one's is
    no reason to renew.
    """
    requirer = served()
    asked = requirer.request
    old = requirer.secret("certificate")
    clock.shift(50 * DAY)
    keys.forget_authorities()
    requirer.answer_all(ca="new")
    new = requirer.secret("certificate")
    assert old.expire is not None
    assert new.expire is not None
    assert new.expire > old.expire + 49 * DAY
    clock.move_to(old.expire)
    requirer.run(requirer.context.on.secret_expired(new, revision=1))
    assert requirer.request == asked
    assert requirer.context.removed_secret_revisions == [1]


@pytest.mark.parametrize("change", ["renewal", "rotation", "new CA"])
def test_defect_43_never_without_a_certificate(clock: Any, change: str) -> None:
    """A renewal, a new key or a new CA: after every hook a valid certificate is assigned."""
    requirer = served()

    def is_served() -> bool:
        assigned, key = requirer.assigned()
        return [one.certificate.matches_private_key(key) for one in assigned] == [True]

    if change == "renewal":
        clock.shift(82 * DAY)
        requirer.update_status()
    elif change == "rotation":
        requirer.call(lambda tls: tls.regenerate_private_key())
    assert is_served()
    requirer.update_status()
    assert is_served()
    requirer.answer_all(ca="new" if change == "new CA" else "ca")
    assert is_served()
    requirer.update_status()
    assert is_served()
