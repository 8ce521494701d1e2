"""The kit for tests of charms: each scene is what the library itself would have made."""

import copy
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from operator import methodcaller
from typing import Any, ClassVar

import ops
import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    Mode,
    TLSCertificatesError,
    TLSCertificatesProvidesV4,
    TLSCertificatesRequiresV4,
)
from charmlibs.interfaces.tls_certificates.testing import (
    Authority,
    ProviderScene,
    RequirerScene,
    certificates_in,
    errors_in,
    requests_in,
)
from tests.unit.lib.requirers import A

ENDPOINT = "certificates"
WANTED = [A(common_name="a"), A(common_name="b", is_ca=True)]
INTERFACE = {ENDPOINT: {"interface": "tls-certificates"}}


class Asking(ops.CharmBase):
    mode = Mode.UNIT
    told: ClassVar[list[str]] = []

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.told.clear()
        self.tls = TLSCertificatesRequiresV4(self, ENDPOINT, WANTED, self.mode)
        for name in ("available", "denied", "invalidated"):
            framework.observe(getattr(self.tls.on, f"certificate_{name}"), self._on_told)

    def _on_told(self, event: ops.EventBase) -> None:
        self.told.append(event.handle.kind)


class AskingForAll(Asking):
    mode = Mode.APP


class Answering(ops.CharmBase):
    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.tls = TLSCertificatesProvidesV4(self, ENDPOINT)


def _ask(
    scene: RequirerScene, charm: type[Asking] = Asking, unit_id: int = 0
) -> tuple[testing.State, Any]:
    """Run a quiet hook of a requirer; return the state after it, and what it told of."""
    context = testing.Context(charm, {"name": "r", "requires": INTERFACE}, unit_id=unit_id)
    return context.run(context.on.update_status(), scene.state()), list(charm.told)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        pytest.param(copy.copy, [], id="requested"),
        pytest.param(methodcaller("issued"), ["certificate_available"] * 2, id="issued"),
        pytest.param(
            methodcaller("issued", as_v3=True), ["certificate_available"] * 2, id="by v3"
        ),
        pytest.param(methodcaller("denied"), ["certificate_denied"] * 2, id="denied"),
    ],
)
@pytest.mark.parametrize(
    ("charm", "unit_id"), [(Asking, 0), (Asking, 3), (AskingForAll, 0)], ids=["0", "3", "app"]
)
def test_requirer_is_at_rest(
    step: Callable[[RequirerScene], RequirerScene],
    told: list[str],
    charm: type[Asking],
    unit_id: int,
) -> None:
    """The library finds nothing to change in a scene at rest, and tells what it is of."""
    scene = step(RequirerScene.requested(ENDPOINT, WANTED, mode=charm.mode, unit_id=unit_id))
    state, heard = _ask(scene, charm, unit_id)
    assert state.get_relation(scene.relation.id) == scene.relation
    assert set(state.secrets) == scene.secrets
    assert heard == told


def test_requirer_that_has_not_seen_its_certificates() -> None:
    """What is new is stored: after that, the scene is as if it had been seen."""
    scene = RequirerScene.requested(ENDPOINT, WANTED).issued(is_new=True)
    assert len(scene.secrets) == 1
    state, _ = _ask(scene)
    stored = {one.label for one in state.secrets}
    assert {scene_secret.label for scene_secret in scene.secrets} < stored
    assert len(stored) == 1 + len(WANTED)


def test_requirer_with_expiring_certificates() -> None:
    """They are valid, and requested anew with the same key."""
    scene = RequirerScene.requested(ENDPOINT, WANTED).expiring()
    assert all(
        one.certificate.is_valid_at(datetime.now(timezone.utc)) for one in scene.certificates
    )
    state, _ = _ask(scene)
    asked = requests_in(state.get_relation(scene.relation.id))
    assert len(asked) == len(WANTED)
    assert not set(asked) & set(scene.requests)
    assert all(
        one.certificate_signing_request.matches_private_key(scene.private_key) for one in asked
    )


def test_requirer_with_revoked_certificates() -> None:
    """The charm is told of each, once."""
    _, told = _ask(RequirerScene.requested(ENDPOINT, WANTED).revoked())
    assert told == ["certificate_invalidated"] * 2


def test_secret_of_a_request() -> None:
    """The secret of a certificate is found by its request; there is none before it is issued."""
    scene = RequirerScene.requested(ENDPOINT, WANTED)
    with pytest.raises(KeyError):
        scene.secret_of(scene.requests[0])
    scene = scene.issued(validity=timedelta(days=10))
    secret = scene.secret_of(scene.requests[0])
    assert secret.latest_content["certificate"] == scene.certificates[0].certificate.raw


def test_mode_of_a_scene() -> None:
    """A scene has one owner: two of them are for charms of mode APP_AND_UNIT."""
    with pytest.raises(TLSCertificatesError, match=r"Mode\.UNIT or Mode\.APP"):
        RequirerScene.requested(ENDPOINT, WANTED, mode=Mode.APP_AND_UNIT)


@pytest.mark.parametrize("mode", [Mode.UNIT, Mode.APP])
@pytest.mark.parametrize("as_v3", [False, True])
@pytest.mark.parametrize(
    ("step", "outstanding"),
    [
        pytest.param(copy.copy, 2, id="requested"),
        pytest.param(methodcaller("issued"), 0, id="issued"),
        pytest.param(methodcaller("issued", as_v3=True), 0, id="issued when it was v3"),
        pytest.param(methodcaller("expiring"), 0, id="expiring"),
        pytest.param(methodcaller("denied"), 2, id="denied"),
        pytest.param(methodcaller("revoked"), 2, id="revoked"),
    ],
)
def test_provider_is_at_rest(
    step: Callable[[ProviderScene], ProviderScene], outstanding: int, mode: Mode, as_v3: bool
) -> None:
    """The library changes nothing in a scene, and offers what is outstanding in it."""
    scene = step(ProviderScene.requested(ENDPOINT, WANTED, mode=mode, as_v3=as_v3))
    context = testing.Context(Answering, {"name": "p", "provides": INTERFACE})
    with context(context.on.update_status(), scene.state()) as manager:
        state = manager.run()
        tls = manager.charm.tls
        offered = tls.get_outstanding_certificate_requests()
        assert [one.certificate_signing_request for one in offered] == [
            one.certificate_signing_request for one in scene.requests[:outstanding]
        ]
        assert {one.requirer for one in tls.get_certificate_requests()} == {
            one.requirer for one in scene.requests
        }
    relation = state.get_relation(scene.relation.id)
    assert relation.local_app_data == scene.relation.local_app_data
    assert certificates_in(relation) == list(scene.certificates)


def test_reason_of_a_refusal() -> None:
    """A refusal is for the reason that is given."""
    error = CertificateError(code=101, name="ip_not_allowed", message="No.")
    scene = ProviderScene.requested(ENDPOINT, WANTED).denied(error)
    assert [one.error for one in errors_in(scene.relation)] == [error] * 2


def test_state_adds_to_what_is_given() -> None:
    """Other relations and secrets of a test stand beside those of the scene."""
    other, secret = testing.PeerRelation("peers"), testing.Secret({"key": "x"})
    scene = RequirerScene.requested(ENDPOINT, WANTED)
    state = scene.state(relations=[other], secrets=[secret], leader=True)
    assert set(state.relations) == {other, scene.relation}
    assert set(state.secrets) == {secret, *scene.secrets}


def test_authorities_are_different() -> None:
    """Each has a key of its own, and what it issued can be verified with it alone."""
    one, two = Authority(), Authority()
    (request, _) = RequirerScene.requested(ENDPOINT, WANTED).requests
    answer = one.issue(request.certificate_signing_request)
    assert answer.certificate.is_signed_by(one.certificate)
    assert not answer.certificate.is_signed_by(two.certificate)


def test_costs_nothing_where_it_is_not_imported() -> None:
    """The library imports neither the kit nor what the kit needs."""
    code = (
        "import sys, charmlibs.interfaces.tls_certificates\n"
        "print([name for name in sys.modules if name.endswith('tls_certificates.testing') "
        "or name.partition('.')[0] == 'scenario'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
