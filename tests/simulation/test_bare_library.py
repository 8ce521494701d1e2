"""The bare library on both sides, in every mode: what holds without the charms' own care."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hypothesis
from hypothesis import strategies
from hypothesis.stateful import initialize, rule

from . import charms, invariants, operators, rules

if TYPE_CHECKING:
    import pytest

    from localjuju.model import Unit

CA, CA2, ASK = "issuer", "issuer2", "asker"
OPTIONS: dict[str, dict[str, str]] = {
    "mode unit": {"mode": "unit"},
    "mode app": {"mode": "app"},
    "mode both": {"mode": "both"},
    "three names": {"names": "a,b,c"},
    "one other name": {"names": "b"},
    "two names": {"names": "a,b"},
    "keep": {"keep": "true"},
    "keep nothing": {"keep": "false"},
    "early": {"fraction": "0.6"},
    "late": {"fraction": "1.0"},
}
ISSUER_OPTIONS: dict[str, dict[str, str]] = {
    "short lives": {"validity": "3"},
    "long lives": {"validity": "90"},
    "by hand": {"by-hand": "true"},
    "by itself": {"by-hand": "false"},
    "a is denied": {"denied": "a"},
    "a-0 is denied": {"denied": "a-0"},
    "nothing is denied": {"denied": ""},
}


class BareLibrary(operators.Relations):
    """Who asks, and who issues."""

    apps = (CA, ASK)
    requirer = ASK
    providers = (CA, CA2, operators.LIAR_CA)

    @initialize(
        seed=rules.seeds,
        mode=strategies.sampled_from(["unit", "app", "both"]),
        keep=strategies.booleans(),
        more=rules.picks,
        place=rules.places,
    )
    def begin(self, seed: int, mode: str, keep: bool, more: int, place: str = rules.HOME) -> None:
        self.first = {"mode": mode, "keep": str(keep).lower()}
        self.begin_life(seed, place, self.providers)
        if more % 2:
            self.life.home(ASK).add_units(ASK)
        if more % 3 == 2:
            self.life.home(CA).add_units(CA)
        self.guarded(self.life.settle)

    def populate(self) -> None:
        self.deploy(CA)
        self.deploy(ASK)
        self.relate(f"{CA}:certificates", f"{ASK}:certificates")

    def deploy(self, name: str) -> None:
        if name == operators.LIAR_CA:
            self.deploy_inert(name, "inert-provider")
        elif name == ASK:
            kind: Any = charms.BareRequirer
            self.life.home(name).deploy(kind, charms.REQUIRER, name, config=self.first)
        else:
            kind = charms.BareProvider
            self.life.home(name).deploy(kind, charms.PROVIDER, name)

    def make_peace(self) -> None:
        """Whoever signs by hand does so by itself in a quiet time."""
        for name in (CA, CA2):
            if self.is_there(name):
                self.life.home(name).state.set_config(name, ISSUER_OPTIONS["by itself"])

    @rule(what=strategies.sampled_from(sorted(OPTIONS)))
    def the_requirer_is_configured(self, what: str) -> None:
        if self.is_there(ASK):
            self.told(f"config-asker {what}")
            self.life.home(ASK).state.set_config(ASK, OPTIONS[what])

    @rule(what=strategies.sampled_from(sorted(ISSUER_OPTIONS)))
    def the_provider_is_configured(self, what: str) -> None:
        if self.is_there(CA):
            self.told(f"config-issuer {what}")
            self.life.home(CA).state.set_config(CA, ISSUER_OPTIONS[what])

    @rule(which=rules.picks, what=strategies.sampled_from(["renew", "regenerate", "import"]))
    def the_requirer_acts(self, which: int, what: str) -> None:
        unit = self.pick(which, ASK)
        if what == "import" and unit is not None:
            self.act(unit, what, number=30 + which)
        else:
            self.act(unit, what)

    @rule(what=strategies.sampled_from(["issue", "revoke", "issue-again"]))
    def the_provider_acts(self, what: str) -> None:
        app = self.life.app(CA)
        if app is not None and app.leader in app.units:
            self.act(app.units[app.leader], what)

    def act(self, unit: Unit | None, action: str, **parameters: Any) -> None:
        if unit is not None and unit.started and not unit.paused and not unit.dying:
            self.told(f"{action} on {unit.name}")
            self.guarded(lambda: self.life.act(unit, action, **parameters))


hypothesis.seed(rules.SEED)(BareLibrary)
TestBareLibrary = BareLibrary.TestCase
TestBareLibrary.settings = rules.SETTINGS


def test_revoked_before_it_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request's first answer goes out of use when its second one was revoked, unseen."""
    monkeypatch.setattr(rules, "note", print)
    machine = BareLibrary()
    machine.begin(seed=1, mode="unit", keep=True, more=0)
    machine.the_provider_acts("issue-again")
    machine.the_provider_acts("revoke")
    machine.life.settle()
    machine.teardown()


def test_keys_are_made_faster_than_hooks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Revisions of which an owner could not hear yet are none too many; it removes them all."""
    monkeypatch.setattr(rules, "note", print)
    machine = BareLibrary()
    machine.begin(seed=1, mode="unit", keep=True, more=0)
    for _ in range(invariants.MOST_REVISIONS + 2):
        machine.the_requirer_acts(which=0, what="regenerate")
    machine.life.settle()
    assert {len(secret.revisions) for secret in machine.life.model.state.secrets.values()} == {1}
    machine.teardown()
