"""A charm that is refreshed to this library keeps what it has, and old versions leave nothing."""

import dataclasses
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import CertificateSigningRequest, Mode
from tests.unit.lib import keys
from tests.unit.lib.requirers import (
    ENDPOINT,
    LIBID,
    A,
    Requirer,
    certificate_entry,
    certificates,
)

DUE = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=80)


def _refreshed(
    secrets: dict[str, dict[str, str]],
    csr: CertificateSigningRequest,
    entry: dict[str, Any],
    *,
    owner: Any = "unit",
    app: bool = False,
    **options: Any,
) -> Requirer:
    """Return a requirer in its first hook under this library, with what was there before."""
    requirer = Requirer(leader=app, **options)
    requests = json.dumps([{"certificate_signing_request": csr.raw, "ca": False}])
    bag: dict[str, Any] = {
        "local_app_data" if app else "local_unit_data": {"certificate_signing_requests": requests}
    }
    relation = testing.Relation(
        ENDPOINT, id=1, remote_app_data={"certificates": json.dumps([entry])}, **bag
    )
    requirer.state = dataclasses.replace(
        requirer.state,
        relations={relation},
        secrets={
            testing.Secret(
                content,
                label=f"{LIBID}-{label}",
                owner=owner,
                expire=DUE if "certificate" in content else None,
            )
            for label, content in secrets.items()
        },
    )
    requirer.run(requirer.context.on.upgrade_charm())
    return requirer


def _content(answer: Any) -> dict[str, str]:
    csr = answer.certificate_signing_request
    return {"certificate": answer.certificate.raw, "csr": csr.raw}


@pytest.mark.parametrize(
    ("key_label", "label", "app", "owner"),
    [
        pytest.param(
            "private-key-0-certificates", "certificate-0-certificates-", False, "unit", id="v4"
        ),
        pytest.param(
            "private-key-0-certificates", "certificate-0-", False, "unit", id="oldest v4"
        ),
        pytest.param(
            "private-key-app-certificates", "certificate-certificates-", True, "app", id="APP"
        ),
        pytest.param(
            "private-key-app-certificates",
            "certificate-certificates-",
            True,
            "unit",
            id="APP, certificate of the unit",
        ),
        pytest.param("private-key-certificates", "certificate-", True, "app", id="oldest APP"),
    ],
)
def test_from_v4(key_label: str, label: str, app: bool, owner: str) -> None:
    """Key and certificate are kept byte for byte, nothing is requested again, no secret made."""
    csr = keys.csr_of()
    answer = keys.answer(csr)
    secrets = {
        key_label: {"private-key": keys.key().raw},
        label + csr.get_sha256_hex(): _content(answer),
    }
    mode = Mode.APP if app else Mode.UNIT
    requirer = _refreshed(secrets, csr, certificate_entry(answer), owner=owner, app=app, mode=mode)
    assert requirer.requests("app" if app else "unit") == [csr]
    assert requirer.assigned() == ([answer], keys.key())
    assert requirer.names_told() == ["certificate_available"]
    kept = requirer.secret_of(csr)
    assert kept is not None
    assert (kept.label, kept.expire) == (f"{LIBID}-{label}{csr.get_sha256_hex()}", DUE)
    assert kept.latest_content == _content(answer)
    assert len(requirer.state.secrets) == 2


def test_from_oldest_app_mode_the_key_moves() -> None:
    """A key under an old label is taken over under the new one."""
    csr = keys.csr_of()
    requirer = _refreshed(
        {"private-key-certificates": {"private-key": keys.key().raw}},
        csr,
        certificate_entry(keys.answer(csr)),
        owner="app",
        app=True,
        mode=Mode.APP,
    )
    assert "private-key-app-certificates" in requirer.labels()
    assert "private-key-certificates" not in requirer.labels()


def _from_v3(**options: Any) -> tuple[Requirer, Any]:
    csr = keys.csr_of()
    answer = keys.answer(csr)
    entry = certificate_entry(answer, recommended_expiry_notification_time=None)
    return _refreshed({csr.get_sha256_hex(): _content(answer)}, csr, entry, **options), answer


def test_from_v3_with_its_key() -> None:
    """With the old key passed on, request and certificate are kept; v3's secret is removed."""
    requirer, answer = _from_v3(private_key=keys.key())
    assert requirer.request == answer.certificate_signing_request
    assert requirer.assigned() == ([answer], keys.key())
    requirer.update_status()
    digest = requirer.request.get_sha256_hex()
    assert requirer.labels() == {f"certificate-0-certificates-{digest}"}


def test_from_v3_with_a_new_key() -> None:
    """Without it, a new key makes a new request, and v3's secret is removed."""
    requirer, answer = _from_v3()
    assert requirer.request != answer.certificate_signing_request
    requirer.update_status()
    assert requirer.labels() == {"private-key-0-certificates"}
    requirer.receive(certificates=certificates([keys.answer(requirer.request)]))
    assert len(requirer.assigned()[0]) == 1


def test_v3_secret_is_first_moved_far_away() -> None:
    """A secret with its expiry pending is not removed in the hook that finds it."""
    requirer, answer = _from_v3()
    secret = requirer.secret_of(answer.certificate_signing_request)
    assert secret is not None
    assert secret.expire is not None
    assert secret.expire.year == 2999


def _left_behind(requirer: Requirer, label: str, csr: CertificateSigningRequest) -> testing.Secret:
    """Add the secret of a certificate whose request has left the databag under another version."""
    secret = testing.Secret(
        _content(keys.answer(csr)),
        label=f"{LIBID}-{label}{csr.get_sha256_hex()}",
        owner="unit",
        expire=DUE,
    )
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, secret})
    return secret


@pytest.mark.parametrize(
    "label",
    [
        pytest.param("", id="renewed under v3"),
        pytest.param("certificate-0-", id="renewed under the oldest v4"),
        pytest.param("certificate-0-certificates-", id="left by a refresh rolled back"),
    ],
)
def test_left_behind_is_removed_after_its_expiry(label: str) -> None:
    """What nobody asks for any more goes when its expiry comes, in two hooks, unannounced."""
    requirer, _ = _from_v3(private_key=keys.key())
    requirer.update_status()
    before = requirer.labels()
    secret = _left_behind(requirer, label, keys.csr_of("b"))
    requirer.expire(secret)
    (left,) = (one for one in requirer.state.secrets if one.label == secret.label)
    assert left.expire is not None
    assert left.expire.year == 2999
    assert "certificate_invalidated" not in requirer.names_told()
    requirer.update_status()
    requirer.update_status()
    assert requirer.labels() == before


def test_v3_secret_of_another_endpoint_is_left_alone() -> None:
    """One whose request stands in any databag may be another library's, and is not touched."""
    requirer, answer = _from_v3(private_key=keys.key())
    requirer.update_status()
    csr = keys.csr_of("b")
    secret = _left_behind(requirer, "", csr)
    request = {"certificate_signing_request": csr.raw, "ca": False}
    other = testing.Relation(
        "other", id=7, local_unit_data={"certificate_signing_requests": json.dumps([request])}
    )
    requirer.state = dataclasses.replace(
        requirer.state, relations={*requirer.state.relations, other}
    )
    requirer.expire(secret)
    (kept,) = (one for one in requirer.state.secrets if one.label == secret.label)
    assert kept.expire == DUE
    assert requirer.assigned()[0] == [answer]


@pytest.mark.parametrize("label", ["", "certificate-0-"], ids=["v3", "oldest v4"])
def test_old_secret_goes_with_a_provider_that_is_gone(label: str) -> None:
    """When the relation breaks, what an old version stored goes though no answer can be read."""
    csr = keys.csr_of()
    requirer = Requirer(private_key=keys.key())
    _left_behind(requirer, label, csr)
    request = {"certificate_signing_request": csr.raw, "ca": False}
    databag = {"certificate_signing_requests": json.dumps([request])}
    requirer.relate(local_unit_data=databag)
    requirer.leave()
    assert requirer.labels() == set()


def _deferred(name: str, snapshot: dict[str, str]) -> tuple[Requirer, Any]:
    requirer = Requirer()
    path = f"Charm/TLSCertificatesRequiresV4[{ENDPOINT}]/on/{name}[1]"
    deferred = testing.DeferredEvent(path, "Charm", "_on_told", snapshot)
    requirer.state = dataclasses.replace(requirer.state, deferred=[deferred])
    requirer.update_status()
    ((told, event),) = requirer.told
    assert told == name
    return requirer, event


def test_deferred_certificate_available_is_restored() -> None:
    """An event deferred under the published library has the same snapshot."""
    csr = keys.csr_of()
    answer = keys.answer(csr)
    _, event = _deferred(
        "certificate_available",
        {
            "certificate": answer.certificate.raw,
            "certificate_signing_request": csr.raw,
            "ca": answer.ca.raw,
            "chain": json.dumps([one.raw for one in answer.chain]),
        },
    )
    assert (event.certificate, event.ca, event.chain) == (
        answer.certificate,
        answer.ca,
        answer.chain,
    )
    assert event.chain_as_pem().count("BEGIN CERTIFICATE") == 2


def test_deferred_certificate_denied_is_restored() -> None:
    """So has that of a refusal."""
    error = {"code": 101, "name": "ip_not_allowed", "message": "No.", "reason": None}
    csr = keys.csr_of()
    _, event = _deferred(
        "certificate_denied",
        {"certificate_signing_request": csr.raw, "error": json.dumps(error)},
    )
    assert (event.certificate_signing_request, event.error.code) == (csr, 101)


@pytest.mark.parametrize("name", ["available", "denied", "invalidated"])
def test_snapshots_round_trip(name: str) -> None:
    """Each event is the same when it comes back after being deferred."""
    requirer = Requirer(certificate_requests=[A(common_name="a")])
    requirer.relate()
    answer = keys.answer(requirer.request)
    requirer.receive(certificates=certificates([answer]))
    if name == "invalidated":
        requirer.receive(certificates=[certificate_entry(answer, revoked=True)])
    elif name == "denied":
        error = {"code": 999, "name": "other", "message": "m"}
        requirer.receive(request_errors=[{"csr": requirer.request.raw, "error": error}])
    ((told, event),) = requirer.told
    assert told == f"certificate_{name}"
    snapshot = event.snapshot()
    _, again = _deferred(told, snapshot)
    assert again.snapshot() == snapshot
