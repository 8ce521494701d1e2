"""What must hold from one hook to the next: a memory of what was, for judging what is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from demo_requirer import identity
from demo_requirer.config import RequirerConfig

from . import invariants, issuing, looks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localjuju.inprocess import World
    from localjuju.model import Model, Unit
    from localjuju.model.applications import Application


class History:
    """Remembers a world from hook to hook. Ask `look` after each one."""

    def __init__(self) -> None:
        self.keys: dict[str, set[str]] = {}
        """By digest of a key, whose secrets it was ever in."""
        self.held: dict[str, dict[str, looks.Served]] = {}
        """By unit (and its machine: names come again), the last valid certificate of each slot."""
        self.in_use: dict[str, set[str]] = {}
        """By unit (and its machine), fingerprints of what it serves."""
        self.asked: dict[str, set[bool]] = {}
        """By digest of a key, whether a CA was asked for with it, or none, or both."""
        self.issued: dict[str, str] = {}
        """By fingerprint of what honest providers issued, over which relation."""
        self.answered: dict[str, set[str]] = {}
        """By relation, the requests that were ever granted."""
        self.revoked: set[str] = set()
        """Fingerprints of what anybody ever marked as revoked."""
        self.ended: set[str] = set()
        """The requests whose answers these were."""
        self.marks: dict[str, set[str]] = {}
        """By relation, the requests whose certificates were ever marked as revoked."""
        self.refused: dict[str, set[str]] = {}
        """By provider, the keys of what it revoked."""
        self.csr_of: dict[str, str] = {}
        """By fingerprint of a certificate, the request that it was the answer to."""
        self.stood: dict[str, set[str]] = {}
        """By fingerprint of a certificate, the relations in which it ever stood."""
        self.let_go: set[str] = set()
        """Fingerprints of what was not wanted for a while: the leader may have heard of that, and
        a follower only of the options after it."""
        self.last_good: dict[str, RequirerConfig] = {}
        """By application, the options that were right."""

    def look(self, world: World) -> list[str]:
        """Return what is wrong, now and as compared with before."""
        for model in looks.models(world):
            for app in model.applications.values():
                self._read_options(app)
            for secret in model.secrets.values():
                for pem in looks.private_keys(secret):
                    self.keys.setdefault(looks.key_digest(pem), set()).add(secret.owner.name)
        found = invariants.broken(world)
        found += self._issuing(world)
        found += self._serving(world)
        found += self._trust(world)
        return found

    def _read_options(self, app: Application) -> None:
        if app.charm.name == looks.REQUIRER:
            options = {name.replace("-", "_"): v for name, v in app.effective_config().items()}
            try:
                self.last_good[app.name] = RequirerConfig.model_validate(options)
            except ValueError:
                return

    # What honest providers issue.

    def _issuing(self, world: World) -> Iterator[str]:
        for link in looks.links(world):
            for request in link.requests():
                self.asked.setdefault(request.key, set()).add(request.is_ca)
            for entry in link.list_of("certificates"):
                certificate = looks.leaf(str(entry.get("certificate")))
                if certificate is None:
                    continue
                csr = str(entry.get("certificate_signing_request"))
                self.csr_of[certificate.fingerprint] = csr.strip()
                self.stood.setdefault(certificate.fingerprint, set()).add(_relation(link))
                if entry.get("revoked"):
                    self.revoked.add(certificate.fingerprint)
                    self.ended.add(csr.strip())
            app = link.honest_provider
            if app is None or app.charm.name != looks.PROVIDER:
                continue
            if looks.memory(link.model, app.name).get("configuration"):
                yield from self._issuing_of(world, link, app.name)

    def _issuing_of(self, world: World, link: looks.Link, app: str) -> Iterator[str]:
        where = _relation(link)
        requests = {request.csr: request for request in link.requests()}
        refused = self.refused.setdefault(f"{link.model.uuid}:{app}", set())
        answered = self.answered.setdefault(where, set())
        is_granted_anew = False
        for csr, entry in link.answers().items():
            certificate, request = looks.leaf(str(entry["certificate"])), requests.get(csr)
            if certificate is None or certificate.fingerprint in self.issued:
                continue
            self.issued[certificate.fingerprint] = where
            if request is not None:
                is_granted_anew |= csr not in answered
                answered.add(csr)
                issued = issuing.Issuance(link, world.now, entry, certificate, request)
                yield from issued.flaws()
                if certificate.key in refused:
                    yield f"{link.where} certifies a key again that was revoked"
        yield from self._revocations(link, where, requests, refused)
        limit = issuing.policy(link.model, app)["certificate_limit"]
        # What a request went with that is there no more does not count: it goes as well.
        held = sum(
            csr in requests and not entry.get("revoked") for csr, entry in link.answers().items()
        )
        if is_granted_anew and 0 <= limit < held:
            yield f"{link.where} holds {held} certificates, and may hold {limit}"

    def _revocations(
        self,
        link: looks.Link,
        where: str,
        requests: dict[str, looks.Request],
        refused: set[str],
    ) -> Iterator[str]:
        marked: set[str] = set()
        for csr, entry in link.answers().items():
            certificate = looks.leaf(str(entry["certificate"]))
            if entry.get("revoked") and certificate is not None:
                marked.add(csr)
                refused.add(certificate.key)
        marks = self.marks.setdefault(where, set())
        marks |= marked
        for csr in marks - marked:
            # Whoever leaves is not seen any more from the other side, though it is there still.
            if csr in requests and not link.is_leaving(requests[csr].by):
                yield f"{link.where} takes a revocation back"

    # What units serve.

    def _serving(self, world: World) -> Iterator[str]:
        for model, unit in looks.units(world, looks.REQUIRER, looks.BARE_REQUIRER):
            if unit.dying:
                continue
            now = looks.served(world, model, unit)
            for one in now.values():
                if not self.keys.get(one.key, set()) & {unit.name, unit.app}:
                    yield f"{unit.name} serves {one.leaf}, whose key was never its own"
            yield from self._novelties(world, model, unit, now)
            yield from self._losses(world, model, unit, now)

    def _novelties(
        self, world: World, model: Model, unit: Unit, now: dict[str, looks.Served]
    ) -> Iterator[str]:
        """What is taken into use, and would better not have been."""
        leaves = [one.leaf for one in now.values()]
        known = self.in_use.get(_place(model, unit), set())
        self.in_use[_place(model, unit)] = {leaf.fingerprint for leaf in leaves}
        for leaf in leaves:
            if leaf.fingerprint in known:
                continue
            # That a validity is yet to begin the library leaves to the charm to judge.
            is_bare = model.applications[unit.app].charm.name == looks.BARE_REQUIRER
            if leaf.not_after < world.now or not (is_bare or leaf.is_valid(world.now)):
                yield f"{unit.name} takes {leaf} into use, which is not valid"
            if leaf.is_ca not in self.asked.get(leaf.key, {leaf.is_ca}):
                yield f"{unit.name} takes {leaf} into use, and has not asked for such a one"

    def _losses(
        self, world: World, model: Model, unit: Unit, now: dict[str, looks.Served]
    ) -> Iterator[str]:
        """What was served, is good still, and is not served now, nor anything in its place."""
        held = self.held.setdefault(_place(model, unit), {})
        for slot, one in now.items():
            if one.leaf.is_valid(world.now):
                held[slot] = one
        wanted = self._wanted(model.applications[unit.app], unit)
        self.let_go |= {one.leaf.fingerprint for slot, one in held.items() if slot not in wanted}
        for slot, one in list(held.items()):
            if not one.leaf.is_valid(world.now) or self._is_revoked(one.leaf):
                del held[slot]
                continue
            present = now.get(slot)
            if present is not None and present.leaf.is_valid(world.now):
                continue
            del held[slot]
            is_let_go = one.leaf.fingerprint in self.let_go
            if not is_let_go and not self._is_withdrawn(model, unit, one.leaf):
                yield f"{unit.name} lost {one.leaf}, which is good still, and has no successor"

    def _is_revoked(self, leaf: looks.Leaf) -> bool:
        """Also by its request: that may have been answered again, and that answer revoked, unseen.

        A request has one answer, and one key.
        """
        return leaf.fingerprint in self.revoked or self.csr_of.get(leaf.fingerprint) in self.ended

    def _wanted(self, app: Application, unit: Unit) -> set[str]:
        if app.charm.name == looks.REQUIRER:
            config = self.last_good.get(app.name)
            if config is None:
                return set()
            return set(identity.slots(config, identity.Identity(app.name, str(unit.number), "")))
        return bare_slots(app, unit)

    def _is_withdrawn(self, model: Model, unit: Unit, leaf: looks.Leaf) -> bool:
        """The bare library keeps nothing unasked, and serves what a liar makes it serve."""
        app = model.applications[unit.app]
        if app.charm.name != looks.BARE_REQUIRER:
            return False
        links = list(looks.links_of(model, app.name))
        if any(link.honest_provider is None for link in links):
            return True
        links = [link for link in links if not link.relation.dying]
        # It goes with its relation, though a unit may hear of that after there is another; and a
        # provider that refuses now what it granted before takes it back.
        csr, stood = self.csr_of.get(leaf.fingerprint), self.stood.get(leaf.fingerprint, set())
        is_gone = not any(_relation(link) in stood for link in links)
        is_refused = any(csr in link.refused() and csr not in link.answers() for link in links)
        return (is_gone or is_refused) and not app.effective_config().get("keep")

    # What clients are told to trust.

    def _trust(self, world: World) -> Iterator[str]:
        """No leaf is served whose CA is not in the bundle that its clients get."""
        for link in looks.links(world, "send-ca-cert"):
            provider, requirer = link.honest_provider, link.honest_requirer
            if provider is None or requirer is None:
                continue
            try:
                bundle = {
                    pem.strip()
                    for pem in json.loads(
                        link.provider.settings.settings.get("certificates", "[]")
                    )
                }
            except ValueError:
                bundle = set[str]()
            if not bundle or link.requirer.settings.settings.get("version") != "1":
                continue
            relations = {
                _relation(one)
                for one in looks.links_of(link.other_model, requirer.name)
                if one.provider.app == provider.name and not one.relation.dying
            }
            if link.relation.dying or not relations:
                continue
            for unit in requirer.units.values():
                if not unit.dying:
                    yield from self._distrusted(world, link, unit, bundle, relations)

    def _distrusted(
        self, world: World, link: looks.Link, unit: Unit, bundle: set[str], relations: set[str]
    ) -> Iterator[str]:
        for one in looks.served(world, link.other_model, unit).values():
            if not one.leaf.is_valid(world.now) or one.root in bundle:
                continue
            # What came over a relation that has gone is served until something else comes.
            if self.issued.get(one.leaf.fingerprint) not in relations:
                continue
            root = looks.leaf(one.root)
            last = looks.memory(link.model, link.provider.app).get("last-crls") or "{}"
            is_compromised = root is not None and root.fingerprint[:16] in json.loads(last)
            # After a `rotate-private-key`, until this unit's next hooks have run; or for as long
            # as what takes its place is awaited or denied, of which the unit's status speaks: to
            # serve nothing would help no client.
            if is_compromised and (
                not invariants.is_resting(link.other_model, unit, world.now)
                or _lacks_an_answer(link, unit)
            ):
                continue
            yield f"{unit.name} serves {one.leaf}, whose CA clients are not told to trust"


def _relation(link: looks.Link) -> str:
    return f"{link.model.uuid}:{link.where}"


def _place(model: Model, unit: Unit) -> str:
    """Return what no other unit has, nor one that comes after it: names come again."""
    return f"{model.uuid}:{unit.name}:{unit.machine}"


def _lacks_an_answer(trust: looks.Link, unit: Unit) -> bool:
    """Tell whether a request of a unit, or of its application, has no certificate yet."""
    return any(
        request.by in {unit.name, unit.app} and request.csr not in link.answers()
        for link in looks.links_of(trust.other_model, unit.app)
        for request in link.requests()
    )


def bare_slots(app: Application, unit: Unit) -> set[str]:
    """Return the slots of a bare requirer."""
    options = app.effective_config()
    mode, names = str(options.get("mode")), str(options.get("names")).split(",")
    found: set[str] = set()
    if mode in {"unit", "both"}:
        found |= {f"unit {name}-{unit.number}" for name in names}
    if mode in {"app", "both"}:
        found |= {f"app {name}" for name in names}
    return found
