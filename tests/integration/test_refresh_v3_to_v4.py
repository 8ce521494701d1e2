"""A charm with an older library is refreshed to this one, and back, under a live relation.

A client connects all the while. What it must never see is a moment without a certificate: what
was served before a refresh is served until what follows it is there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe
from tests.integration.wire import LIBID, V3_CERTIFICATE, Wire

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Generator

    import jubilant

CA = {"key-algorithm": "ecdsa-p256"}
HELD = f"{LIBID}-outgoing-0-certificates"
"""What a charm with `keep_until_replaced` holds for the time after its relation."""


@dataclasses.dataclass(frozen=True)
class Refresher:
    """One requirer at its provider, of which one is refreshed while a client connects."""

    model: deployment.Deployment
    charms: Callable[[str], pathlib.Path]

    @property
    def wire(self) -> Wire:
        return Wire(self.model)

    def serial(self) -> int:
        """Return the serial number that a client is shown now."""
        (there,) = self.model.endpoints().values()
        return there.look(self.model.ca()).serial

    def refresh(self, app: str, charm: str) -> None:
        """Refresh, and wait until every hook of it has run."""
        juju = self.model.juju
        before = juju.status().apps[app].charm_rev
        juju.refresh(app, path=self.charms(charm))
        self.model.wait(
            lambda status: (
                status.apps[app].charm_rev != before
                and all(
                    unit.juju_status.current == "idle" for unit in status.apps[app].units.values()
                )
            )
        )
        self.model.wait_active()

    @contextlib.contextmanager
    def watched(self, what: str, figure: Callable[[str], None]) -> Generator[Probe, None, None]:
        """Connect all the while; afterwards say what was seen, which must be without a failure."""
        trusted = self.model.ca()
        with Probe(self.model.endpoints(), lambda: trusted) as probe:
            yield probe
        figure(f"{what}: {probe.report()}")
        assert probe.connections
        assert not probe.failures


@pytest.fixture(scope="module")
def place(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Callable[..., Refresher]:
    """Deploy a provider and a requirer at it, and return them when that is served."""

    def deploy(provider_charm: str, requirer_charm: str, app: str, **config: str) -> Refresher:
        provider = f"{app}-ca"
        juju.deploy(charms(provider_charm), provider, config={**CA, **config})
        juju.deploy(charms(requirer_charm), app)
        juju.integrate(f"{provider}:certificates", f"{app}:certificates")
        model = deployment.Deployment(juju, provider=provider, requirer=app)
        model.wait_active()
        return Refresher(model, charms)

    return deploy


@pytest.fixture(scope="module")
def new_key(place: Callable[..., Refresher]) -> Refresher:
    """A requirer of version 3."""
    return place(deployment.PROVIDER, "v3-requirer", "new-key")


def test_v3_requirer_gets_a_new_key(new_key: Refresher, figure: Callable[[str], None]) -> None:
    """The pair of before is served until one of the new key is there; what v3 left goes."""
    wire = new_key.wire
    serial, requests, relation = new_key.serial(), wire.requests(), wire.relation_id()
    assert any(map(V3_CERTIFICATE.fullmatch, wire.labels()))
    with new_key.watched("v3 to ours, with a new key", figure) as probe:
        new_key.refresh("new-key", deployment.REQUIRER)
        new_key.model.wait_fact(lambda: new_key.serial() != serial, "a certificate of the new key")
    assert [len(serials) for serials in probe.serials.values()] == [2]
    assert wire.relation_id() == relation
    (request,) = wire.requests()
    assert request not in requests
    assert [answer["certificate_signing_request"] for answer in wire.answers()] == [request]
    new_key.model.wait_fact(
        lambda: not any(map(V3_CERTIFICATE.fullmatch, wire.labels())), "v3's secret to go"
    )


def test_v3_requirer_is_rolled_back(new_key: Refresher, figure: Callable[[str], None]) -> None:
    """Back to version 3 and to ours again: neither time is without a certificate."""
    wire = new_key.wire
    label = f"{LIBID}-private-key-0-certificates"
    serial, kept = new_key.serial(), wire.secrets()[label]
    with new_key.watched("ours to v3 and back", figure) as probe:
        new_key.refresh("new-key", "v3-requirer")
        new_key.model.wait_fact(lambda: new_key.serial() != serial, "a certificate of v3's key")
        between = new_key.serial()
        new_key.refresh("new-key", deployment.REQUIRER)
        # What the library held of its own key is served again until its successor is there.
        new_key.model.wait_fact(
            lambda: new_key.serial() not in {serial, between}, "a new one of the library's key"
        )
    assert [len(set(serials)) for serials in probe.serials.values()] == [3]
    assert wire.secrets()[label] == kept
    assert len(wire.requests()) == len(wire.answers()) == 1
    new_key.model.wait_fact(
        lambda: not any(map(V3_CERTIFICATE.fullmatch, wire.labels())), "v3's secret to go"
    )


def test_v3_requirer_had_renewed(
    place: Callable[..., Refresher], validity: str, figure: Callable[[str], None]
) -> None:
    """The secret of a certificate that version 3 had renewed already is found and goes, too."""
    config = {"certificate-validity": validity}
    renewing = place(deployment.PROVIDER, "v3-requirer", "renewing", **config)
    wire = renewing.wire
    requests = wire.requests()
    renewing.model.wait_fact(lambda: wire.requests() != requests, "v3 to renew", timeout=900)
    with renewing.watched("v3 to ours, after a renewal", figure) as probe:
        renewing.refresh("renewing", deployment.REQUIRER)
        renewing.model.wait_fact(
            lambda: not any(map(V3_CERTIFICATE.fullmatch, wire.labels())),
            "v3's secrets to go",
            timeout=900,
        )
    assert [len(serials) > 1 for serials in probe.serials.values()] == [True]


def test_v3_requirer_passes_its_key_on(
    place: Callable[..., Refresher], figure: Callable[[str], None]
) -> None:
    """With the key of before, request and certificate stay, and nothing is asked for anew."""
    kept = place(deployment.PROVIDER, "v3-requirer", "key-passed")
    serial, requests, answers = kept.serial(), kept.wire.requests(), kept.wire.answers()
    own = kept.wire.secrets()["own-key"]
    with kept.watched("v3 to ours, with the key passed on", figure) as probe:
        kept.refresh("key-passed", "v3-key-passed")
        kept.model.wait_fact(
            lambda: not any(map(V3_CERTIFICATE.fullmatch, kept.wire.labels())), "v3's secret to go"
        )
    assert list(probe.serials.values()) == [[serial]]
    assert (kept.wire.requests(), kept.wire.answers()) == (requests, answers)
    digest = hashlib.sha256(requests[0].encode()).hexdigest()
    certificate = f"{LIBID}-certificate-0-certificates-{digest}"
    assert kept.wire.labels() == {"own-key", certificate, HELD}
    assert kept.wire.secrets()["own-key"] == own


@pytest.fixture(scope="module")
def v4(place: Callable[..., Refresher]) -> Refresher:
    """A requirer of version 4."""
    return place(deployment.PROVIDER, "v4-requirer", "v4")


def test_v4_requirer_keeps_everything(v4: Refresher, figure: Callable[[str], None]) -> None:
    """There and back again: key, request and certificate stay as they are, byte for byte."""

    def there_is() -> tuple[object, ...]:
        # What is held for the time after the relation is new, and left in peace by version 4.
        secrets = {label: one for label, one in v4.wire.secrets().items() if label != HELD}
        return secrets, v4.wire.requests(), v4.wire.answers()

    before, serial = there_is(), v4.serial()
    with v4.watched("v4 to ours and back", figure) as probe:
        for charm in (deployment.REQUIRER, "v4-requirer", deployment.REQUIRER):
            v4.refresh("v4", charm)
            assert there_is() == before
    assert list(probe.serials.values()) == [[serial]]


def test_v4_requirer_takes_over_a_renewal(v4: Refresher, figure: Callable[[str], None]) -> None:
    """What was renewed under ours is version 4's after a refresh that is rolled back."""
    serial = v4.serial()
    with v4.watched("renewed under ours, then back to v4", figure) as probe:
        v4.model.juju.run("v4/0", "renew-certificate")
        v4.model.wait_fact(lambda: v4.serial() != serial, "a renewal")
        v4.model.wait_active()
        key = v4.wire.secrets()[f"{LIBID}-private-key-0-certificates"]
        requests, renewed = v4.wire.requests(), v4.serial()
        v4.refresh("v4", "v4-requirer")
    assert list(probe.serials.values()) == [[serial, renewed]]
    assert v4.wire.requests() == requests
    assert v4.wire.secrets()[f"{LIBID}-private-key-0-certificates"] == key


@pytest.fixture(scope="module")
def steady(place: Callable[..., Refresher]) -> Refresher:
    """A requirer of ours at a provider of version 3."""
    return place("v3-provider", deployment.REQUIRER, "steady")


def test_v3_provider_is_refreshed(steady: Refresher, figure: Callable[[str], None]) -> None:
    """A requirer of ours notices nothing; its certificate stays, and its CA is trusted still."""
    provider = steady.model.provider
    trusted, serial, answers = steady.model.ca(), steady.serial(), steady.wire.answers()
    with steady.watched("a v3 provider to ours", figure) as probe:
        steady.refresh(provider, deployment.PROVIDER)
        assert steady.wire.answers() == answers
        assert trusted in steady.model.ca()
        assert [int(entry["serial"], 16) for entry in steady.model.issued()] == [serial]
        steady.model.juju.run("steady/0", "renew-certificate")
        steady.model.wait_fact(lambda: steady.serial() != serial, "a renewal by ours")
    assert [len(serials) for serials in probe.serials.values()] == [2]


def test_v3_provider_is_rolled_back(steady: Refresher, figure: Callable[[str], None]) -> None:
    """Back at version 3, what ours issued stays, and the next one is of the same CA."""
    serial, answers = steady.serial(), steady.wire.answers()
    with steady.watched("our provider back to v3", figure) as probe:
        steady.refresh(steady.model.provider, "v3-provider")
        assert steady.wire.answers() == answers
        steady.model.juju.run("steady/0", "renew-certificate")
        steady.model.wait_fact(lambda: steady.serial() != serial, "a renewal by v3")
    assert [len(serials) for serials in probe.serials.values()] == [2]
