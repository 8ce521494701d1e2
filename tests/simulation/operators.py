"""What operators and liars do, for machines whose applications they have: rules to mix in."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from hypothesis import strategies
from hypothesis.stateful import precondition, rule

from localjuju.model import JujuError

from . import charms, liars, looks, rules

if TYPE_CHECKING:
    import ops

    from localjuju.inprocess import LocalModel

HERE = pathlib.Path(__file__).resolve().parent
LIAR_CA, LIAR_WEB = "liar-ca", "liar-web"


class Relations(rules.LifeMachine):
    """Relations are made and broken, applications die and are deployed again."""

    requirer = ""
    providers: tuple[str, ...] = ()
    """Whom the requirer may be certified by, the first to begin with."""

    def deploy(self, name: str) -> None:
        """Deploy one of the applications as it is in the beginning."""
        raise NotImplementedError

    def relate(self, provider: str, requirer: str) -> None:
        """Relate two applications, each with its endpoint; by an offer, if models are between."""
        there, here = (self.life.home(end.partition(":")[0]) for end in (provider, requirer))
        try:
            if there is not here:
                provider = self._offered(there, here, *provider.split(":"))
            here.integrate(provider, requirer)
        except JujuError as error:
            self.told(f"no: {error}")

    def _offered(self, there: LocalModel, here: LocalModel, app: str, endpoint: str) -> str:
        """Have an endpoint offered to another model; return its name there."""
        name = f"{app}-{endpoint}"
        there.offer(app, endpoint, name=name)
        here.consume(there, name)
        return name

    def unrelate(self, requirer: str) -> None:
        """Break the relations for certificates that an application has."""
        for link in self.links_of(requirer):
            link.other_model.break_relation(link.relation)

    def links_of(self, requirer: str) -> list[looks.Link]:
        """Return the relations for certificates that an application has, and is to keep."""
        return [
            link
            for link in looks.links(self.life.world)
            if link.requirer.app == requirer and not link.relation.dying
        ]

    def is_there(self, name: str) -> bool:
        app = self.life.app(name)
        return app is not None and not app.dying

    def is_gone(self, name: str) -> bool:
        return self.life.app(name) is None

    @precondition(lambda self: self.links_of(self.requirer))
    @rule()
    def the_relation_breaks(self) -> None:
        self.told("remove-relation")
        self.unrelate(self.requirer)

    @rule(which=rules.picks, at_once=strategies.booleans())
    def the_relation_is_made(self, which: int, at_once: bool) -> None:
        provider = self.providers[which % len(self.providers)]
        if self.is_there(self.requirer) and self.is_there(provider):
            self.told(f"integrate {provider}")
            self.unrelate(self.requirer)
            if not at_once:
                self.guarded(self.life.settle)
            self.relate(f"{provider}:certificates", f"{self.requirer}:certificates")

    def is_in_order(self) -> bool:
        """Tell whether everybody is there, and the requirer where it was in the beginning."""
        links = self.links_of(self.requirer)
        return [link.provider.app for link in links] == [self.providers[0]]

    def put_in_order(self) -> None:
        """Deploy who is gone, and relate who is not related."""
        for name in self.apps:
            if self.life.app(name) is None:
                self.deploy(name)
        self.unrelate(self.requirer)
        self.life.settle()
        self.relate(f"{self.providers[0]}:certificates", f"{self.requirer}:certificates")
        self.life.settle()

    @precondition(lambda self: not self.is_in_order())
    @rule()
    def it_is_put_in_order(self) -> None:
        """As operators do who come to a model that is not as it should be.

        Without it most lives would be of those who have nobody to ask: what breaks a relation is
        drawn as often as what makes it.
        """
        self.told("put-in-order")
        self.life.heal()
        self.guarded(self.life.settle)
        self.guarded(self.put_in_order)

    @rule(which=rules.picks, by_force=strategies.booleans())
    def an_application_dies(self, which: int, by_force: bool) -> None:
        names = (*self.apps, *self.providers)
        name = names[which % len(names)]
        if self.is_there(name) and which >= 8:
            self.told(f"remove-application {name}{' --force' * by_force}")
            if by_force:
                self.life.home(name).kill_application(name)
            else:
                self.life.home(name).remove_application(name)
            self.guarded(self.life.look)

    @precondition(lambda self: any(map(self.is_gone, (*self.apps, *self.providers))))
    @rule()
    def what_died_is_deployed(self) -> None:
        for name in (*self.apps, *self.providers):
            if self.is_gone(name):
                self.told(f"deploy {name}")
                self.deploy(name)

    # Liars.

    def deploy_inert(self, name: str, folder: str, units: int = 1) -> None:
        kind: type[ops.CharmBase] = charms.InertCharm
        self.life.home(name).deploy(kind, HERE / folder, name, units=units)

    @rule(what=strategies.sampled_from(sorted(liars.ANSWERS)))
    def a_provider_lies(self, what: str) -> None:
        """Whom the requirer came to before, or comes to now: it is seldom there by chance."""
        if not self._lies_of_a_provider():
            if not self.is_there(self.requirer):
                return
            if self.is_gone(LIAR_CA):
                self.deploy(LIAR_CA)
            self.unrelate(self.requirer)
            self.guarded(self.life.settle)
            self.relate(f"{LIAR_CA}:certificates", f"{self.requirer}:certificates")
            self.guarded(self.life.settle)
        for link in self._lies_of_a_provider():
            csrs = [request.csr for request in link.requests()]
            self.told(f"lie-of-provider {what}")
            link.provider.settings.update(liars.ANSWERS[what](csrs, self.life.world.now))

    def _lies_of_a_provider(self) -> list[looks.Link]:
        """Return the relations over which lies can be told."""
        return [
            link
            for link in looks.links(self.life.world)
            if link.provider.app == LIAR_CA and not link.relation.dying
        ]

    @rule(what=strategies.sampled_from(sorted(liars.REQUESTS)), of_app=strategies.booleans())
    def a_requirer_lies(self, what: str, of_app: bool) -> None:
        provider = self.providers[0]
        if not self.is_there(provider):
            return
        if self.is_gone(LIAR_WEB):
            self.deploy_inert(LIAR_WEB, "inert-requirer", units=2)
            self.relate(f"{provider}:certificates", f"{LIAR_WEB}:certificates")
            self.guarded(self.life.settle)
        self.told(f"lie-of-requirer {what}")
        others = [
            request.csr
            for link in looks.links(self.life.world)
            if link.honest_requirer is not None
            for request in link.requests()
        ]
        for link in list(looks.links(self.life.world)):
            if link.requirer.app == LIAR_WEB and not link.relation.dying:
                texts = liars.REQUESTS[what](others)
                bags = [link.requirer.units[n] for n in sorted(link.requirer.units)]
                if of_app:
                    bags = [link.requirer.settings]
                for bag, text in zip(bags, texts, strict=False):
                    bag.update({"certificate_signing_requests": text})

    @rule(which=rules.picks)
    def an_alarm_rings_too_early(self, which: int) -> None:
        """Or again: Juju tells of an expiry that is not yet, or that was."""
        revisions = [
            (secret, revision)
            for model in looks.models(self.life.world)
            for secret in model.secrets.values()
            for revision in secret.revisions.values()
            if revision.expires is not None and secret.owner.kind != "model"
        ]
        if revisions:
            secret, revision = revisions[which % len(revisions)]
            self.told(f"alarm {secret.label[33:55]} of {secret.owner.name}")
            revision.expired_again = self.life.world.now


def answers_of(machine: rules.LifeMachine, provider: str) -> list[looks.Leaf]:
    """Return the certificates that a provider has in its relations."""
    return [
        certificate
        for link in looks.links(machine.life.world)
        if link.provider.app == provider
        for entry in link.answers().values()
        if (certificate := looks.leaf(str(entry.get("certificate")))) is not None
    ]
