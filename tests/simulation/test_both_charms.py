"""Both charms, and everything that operators and neighbours do to them."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import hypothesis
from hypothesis import strategies
from hypothesis.stateful import initialize, precondition, rule

from demo_requirer.charm import DemoRequirerCharm
from localjuju.model.secrets import Owner, Reader, Revision, Secret, new_id
from self_signed_provider.charm import SelfSignedProviderCharm

from . import liars, looks, older, operators, rules

if TYPE_CHECKING:
    import pytest

    from localjuju.model import Unit

CHARMS = pathlib.Path(__file__).resolve().parents[2] / "charms"
CA, CA2, WEB = "ca", "ca2", "web"
OLD_CA, OLD_WEB = "old-ca", "old-web"

CA_OPTIONS: dict[str, dict[str, Any]] = {
    "as in the beginning": {},
    "another name": {"ca-common-name": "Another"},
    "an organization": {"ca-organization": "Acme"},
    "another algorithm": {"key-algorithm": "ecdsa-p384"},
    "short lives": {"certificate-validity": "10d", "root-ca-validity": "40d"},
    "very short lives": {"certificate-validity": "3h", "root-ca-validity": "12h"},
    "an overlap of a day": {"ca-overlap": "1d"},
    "no certificates": {"certificate-limit": 0},
    "one certificate": {"certificate-limit": 1},
    "no limit": {"certificate-limit": -1},
    "own domain": {"allowed-domains": "example.com"},
    "no subdomains": {"allowed-domains": "example.com", "allow-subdomains": False},
    "no addresses": {"allow-ip-sans": False},
    "no wildcards": {"allow-wildcards": False},
    "CAs": {"allow-ca-certificates": True},
    "wrong validity": {"certificate-validity": "-5d"},
    "too long a validity": {"certificate-validity": "300d"},
    "wrong algorithm": {"key-algorithm": "dsa"},
    "wrong limit": {"certificate-limit": -2},
    "wrong country": {"ca-country-name": "XYZ"},
    "a secret that is not": {"ca-secret": "secret:00000000000000000000"},
}
WEB_OPTIONS: dict[str, dict[str, Any]] = {
    "as in the beginning": {},
    "mode app": {"mode": "app"},
    "mode both": {"mode": "app-and-unit"},
    "another name": {"common-name": "www.example.com"},
    "a name of words": {"common-name": "a web server"},
    "wildcards": {"sans-dns": "*.example.com,b.example.com"},
    "addresses": {"sans-ip": "10.0.0.1,2001:db8::1"},
    "three": {"num-certificates": 3},
    "three for all": {"num-certificates": 3, "mode": "app"},
    "early": {"renewal-relative-time": 0.6},
    "at the end": {"renewal-relative-time": 1.0},
    "a longer key": {"key-size": 384},
    "another port": {"port": 9443},
    "wrong mode": {"mode": "all"},
    "wrong share": {"renewal-relative-time": 0.3},
    "wrong address": {"sans-ip": "999.0.0.1"},
    "too long a name": {"common-name": "x" * 65},
    "no certificate": {"num-certificates": 0},
}


LIVES = {1: 3000, 2: 500, 3: 70}
"""In days, from the beginning of the year, of the CAs that operators bring."""


class BothCharms(operators.Relations):
    """An authority and whom it certifies."""

    apps = (CA, WEB)
    requirer = WEB
    providers = (CA, CA2, operators.LIAR_CA, OLD_CA)

    def populate(self) -> None:
        for name in (CA, WEB):
            self.deploy(name)
        self.relate(f"{CA}:certificates", f"{WEB}:certificates")
        self.relate(f"{CA}:send-ca-cert", f"{WEB}:receive-ca-cert")

    def trust(self) -> list[looks.Link]:
        """Return the relation over which the server learns whom to trust."""
        return [
            link
            for link in looks.links(self.life.world, "send-ca-cert")
            if link.provider.app == CA and link.requirer.app == WEB
        ]

    def is_in_order(self) -> bool:
        return super().is_in_order() and bool(self.trust())

    def put_in_order(self) -> None:
        super().put_in_order()
        if not self.trust():
            self.relate(f"{CA}:send-ca-cert", f"{WEB}:receive-ca-cert")
            self.life.settle()

    @initialize(
        seed=rules.seeds,
        web=strategies.sampled_from(sorted(WEB_OPTIONS)),
        units=rules.picks,
        place=rules.places,
    )
    def begin(self, seed: int, web: str, units: int, place: str = rules.HOME) -> None:
        self.begin_life(seed, place, self.providers)
        self.options(WEB, WEB_OPTIONS[web])
        if units % 2:
            self.life.home(WEB).add_units(WEB)
        if units % 3 == 2:
            self.life.home(CA).add_units(CA)
        self.guarded(self.life.settle)

    def deploy(self, name: str) -> None:
        model = self.life.home(name)
        if name == operators.LIAR_CA:
            self.deploy_inert(name, "inert-provider")
        elif name in {OLD_CA, OLD_WEB}:
            layer = {OLD_CA: "v3-provider", OLD_WEB: "v3-requirer"}[name]
            folder = older.charm_folder(layer, self.life.world.folder / "older")
            config = {"key-algorithm": "ecdsa-p256"} if name == OLD_CA else {}
            model.deploy(older.charm_class(layer), folder, name, config=config)
        elif name == WEB:
            config = {"key-algorithm": "ecdsa"}
            model.deploy(DemoRequirerCharm, CHARMS / "demo-requirer", name, config=config)
        else:
            config = {"key-algorithm": "ecdsa-p256", "ca-common-name": f"Root {name}"}
            folder = CHARMS / "self-signed-provider"
            model.deploy(SelfSignedProviderCharm, folder, name, config=config)

    def options(self, app: str, values: dict[str, Any]) -> None:
        """Set these options, and all others as they were in the beginning."""
        first = {CA: {"key-algorithm": "ecdsa-p256"}, WEB: {"key-algorithm": "ecdsa"}}[app]
        given = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in values.items()}
        given = {**first, **given}
        state = self.life.home(app).state
        known = state.applications[app].charm.options
        state.set_config(app, given, reset=[name for name in known if name not in given])

    def leader(self, app: str) -> Unit | None:
        found = self.life.app(app)
        return found.units.get(found.leader) if found and found.leader is not None else None

    def act(self, unit: Unit | None, action: str, **parameters: str) -> None:
        if unit is not None and unit.started and not unit.paused and not unit.dying:
            self.told(f"{action} on {unit.name} {' '.join(parameters)}")
            self.guarded(lambda: self.life.act(unit, action, **parameters))

    # Options.

    @rule(what=strategies.sampled_from(sorted(CA_OPTIONS)))
    def the_ca_is_configured(self, what: str) -> None:
        if self.is_there(CA):
            self.told(f"config-ca {what}")
            self.options(CA, CA_OPTIONS[what])

    @rule(what=strategies.sampled_from(sorted(WEB_OPTIONS)))
    def the_server_is_configured(self, what: str) -> None:
        if self.is_there(WEB):
            self.told(f"config-web {what}")
            self.options(WEB, WEB_OPTIONS[what])

    @rule(number=strategies.integers(1, 3))
    def a_ca_is_brought(self, number: int) -> None:
        if not self.is_there(CA):
            return
        self.told(f"ca-secret {number}")
        begin = self.life.world.now.replace(month=1, day=1, hour=0, minute=0, second=0)
        content = {
            "certificate": liars.pem(liars.authority(10 + number, begin, LIVES[number])),
            "private-key": liars.key_pem(liars.key(10 + number)),
        }
        secret = self.add_secret(CA, content)
        self.life.home(CA).config(CA, ca_secret=f"secret:{secret.id}")

    def add_secret(self, app: str, content: dict[str, str]) -> Secret:
        """Add an operator's secret, and grant it."""
        state, now = self.life.home(app).state, self.life.world.now
        secret = Secret(
            id=new_id(state.rng),
            owner=Owner(state.uuid, "model", ""),
            created=now,
            updated=now,
            revisions={1: Revision(content, now)},
        )
        secret.grants[Reader(state.uuid, app)] = None
        state.secrets[secret.id] = secret
        return secret

    # Actions.

    @rule()
    def the_ca_is_compromised(self) -> None:
        self.act(self.leader(CA), "rotate-private-key")

    @rule(which=rules.picks)
    def a_certificate_is_revoked(self, which: int) -> None:
        leaves = operators.answers_of(self, CA)
        if leaves:
            serial = f"{leaves[which % len(leaves)].serial:X}"
            self.act(self.leader(CA), "revoke-certificate", serial=serial)

    @rule()
    def lists_are_asked_for(self) -> None:
        self.act(self.leader(CA), "get-crl")
        self.act(self.leader(CA), "get-issued-certificates")

    @rule(which=rules.picks)
    def a_certificate_is_renewed(self, which: int) -> None:
        self.act(self.pick(which, WEB), "renew-certificate")

    @rule(which=rules.picks)
    def a_key_is_made(self, which: int) -> None:
        self.act(self.pick(which, WEB), "regenerate-private-key")

    @rule(which=rules.picks)
    def a_key_is_brought(self, which: int) -> None:
        if self.is_there(WEB):
            content = {"private-key": liars.key_pem(liars.key(30 + which % 3))}
            secret = self.add_secret(WEB, content)
            self.act(self.pick(which, WEB), "import-private-key", secret_id=secret.id)
            del self.life.home(WEB).state.secrets[secret.id]

    @rule(which=rules.picks)
    def a_unit_is_asked(self, which: int) -> None:
        self.act(self.pick(which, WEB), "get-certificate")
        self.act(self.pick(which, WEB), "get-status")

    # Relations, and other code.

    @rule()
    def trust_comes_or_goes(self) -> None:
        links = self.trust()
        if links and not links[0].relation.dying:
            self.told("trust removed")
            links[0].other_model.break_relation(links[0].relation)
        elif not links and self.is_there(CA) and self.is_there(WEB):
            self.told("trust related")
            self.relate(f"{CA}:send-ca-cert", f"{WEB}:receive-ca-cert")

    @precondition(lambda self: self.is_there(CA) and self.is_there(WEB))
    @rule(which=strategies.booleans())
    def a_charm_is_refreshed(self, which: bool) -> None:
        self.told(f"refresh {WEB if which else CA}")
        if which:
            self.life.home(WEB).refresh(WEB, DemoRequirerCharm, CHARMS / "demo-requirer")
        else:
            folder = CHARMS / "self-signed-provider"
            self.life.home(CA).refresh(CA, SelfSignedProviderCharm, folder)

    @precondition(lambda self: self.is_there(CA) and self.is_gone(OLD_WEB))
    @rule()
    def an_old_server_comes(self) -> None:
        self.told("deploy-old")
        self.deploy(OLD_WEB)
        self.relate(f"{CA}:certificates", f"{OLD_WEB}:certificates")
        self.guarded(self.life.settle)

    @rule(name=strategies.sampled_from([OLD_CA, OLD_WEB]))
    def an_old_charm_is_refreshed(self, name: str) -> None:
        home, app = self.life.home(name), self.life.app(name)
        if app is None or app.dying or not app.units or looks.honest(home.state, name):
            return
        self.told(f"refresh-old {name}")
        kind = SelfSignedProviderCharm if name == OLD_CA else DemoRequirerCharm
        home.refresh(name, kind, CHARMS / app.charm.name)


hypothesis.seed(rules.SEED)(BothCharms)
TestBothCharms = BothCharms.TestCase
TestBothCharms.settings = rules.SETTINGS


def test_revoked_while_its_holder_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a unit that hangs holds of a relation that goes can be revoked; it is told no more."""
    monkeypatch.setattr(rules, "note", print)
    machine = BothCharms()
    machine.begin(seed=207, units=1, web="as in the beginning")
    machine.a_leader_hangs(which=1)
    machine.a_crash_to_come(which=0, at=10)
    machine.the_relation_breaks()
    machine.time_passes(length="70m", order=12627)
    machine.a_certificate_is_revoked(which=0)
    machine.teardown()
