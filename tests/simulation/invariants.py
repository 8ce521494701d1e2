"""What must hold of a world after each hook: pure functions of the world, that tell it in words.

Every function yields a sentence for each thing that is wrong. `broken` has all that can be seen in
one look; what takes a memory of what was before is in `history.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localjuju.model import hooks

from . import looks

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from localjuju.inprocess import World
    from localjuju.model import Model, Unit
    from localjuju.model.secrets import Secret

LIBID = "afd8c2bccf834997afce12c2706d2ede"
MOST_SECRETS = 24
"""Of one owner: three certificates, each twice in a renewal, and as many waiting for removal."""
MOST_REVISIONS = 12
"""Of one secret, that its owner has been told are used no more."""


def broken(world: World) -> list[str]:
    """Return what is wrong in a world, as far as one look can tell; nothing if all is well."""
    return [
        f"{check.__name__.replace('_', ' ')}: {what}" for check in ALWAYS for what in check(world)
    ]


def no_hook_fails(world: World) -> Iterator[str]:
    """But for those that were killed."""
    if world.ran and world.ran[-1].error is not None:
        last = world.ran[-1]
        app = last.unit.partition("/")[0]
        is_ours = any(looks.honest(model, app) for model in looks.models(world))
        if is_ours and type(last.error).__name__ != "Killed":
            yield f"{last.unit} {last.name}: {last.error!r}"
    for model in looks.models(world):
        if model.log and "committing requested changes failed" in model.log[-1].message:
            yield model.log[-1].message


def no_private_key_is_in_sight(world: World) -> Iterator[str]:
    """A key stands in its owner's secrets, and in no databag, status, result or option."""
    for model in looks.models(world):
        secrets = [s for s in model.secrets.values() if s.owner.kind != "model"]
        bodies = {
            line
            for secret in secrets
            for pem in looks.private_keys(secret)
            for line in pem.splitlines()[1:2]
        }
        for where, text in _texts(model):
            if "PRIVATE KEY" in text or any(body in text for body in bodies):
                yield f"a private key is in {where}"
        for secret in secrets:
            if secret.grants and looks.private_keys(secret):
                yield f"{_name(secret)} is granted to {', '.join(r.name for r in secret.grants)}"


def _texts(model: Model) -> Iterator[tuple[str, str]]:
    for relation in model.relations.values():
        for side in relation.sides:
            left = {f"{side.app}/{n}": bag for n, bag in side.left.items()}
            for name, bag in {**looks.bags(side), **left}.items():
                for key, value in bag.settings.items():
                    yield f"the databag of {name}, {key}", value
    for app in model.applications.values():
        for option, value in app.config.items():
            yield f"the option {option} of {app.name}", str(value)
        for unit in app.units.values():
            yield f"the status of {unit.name}", unit.workload.message
            yield from ((f"the state of {unit.name}", value) for value in unit.state.values())
    for line in list(model.log)[-20:]:
        yield "the log", line.message
    for task in list(model.tasks.values())[-3:]:
        yield f"the result of {task.action}", f"{task.results} {task.message} {task.stderr}"


def what_is_served_fits_its_key(world: World) -> Iterator[str]:
    """And each certificate is signed by the next of its chain."""
    for model, unit in looks.units(world, looks.REQUIRER, looks.BARE_REQUIRER):
        for one in looks.served(world, model, unit).values():
            if one.key != one.leaf.key:
                yield f"{unit.name} serves {one.leaf} with the key of another"
            is_bare = model.applications[unit.app].charm.name == looks.BARE_REQUIRER
            for signed, signer in () if is_bare else zip(one.chain, one.chain[1:], strict=False):
                if not looks.is_signed_by(signed, signer):
                    yield f"{unit.name} serves {one.leaf} with a chain that does not hold"


def requests_are_of_the_owners_key(world: World) -> Iterator[str]:
    """What an honest requirer asks for, it has the key for; and it asks for each thing once."""
    for link in looks.links(world):
        app = link.honest_requirer
        if app is None or link.relation.dying:
            continue
        asked: set[tuple[str, frozenset[str], bool]] = set()
        for request in link.requests():
            keys = {
                looks.key_digest(pem)
                for secret in link.other_model.secrets.values()
                if secret.owner.name in {request.by, app.name}
                for pem in looks.private_keys(secret)
            }
            if request.key not in keys:
                yield f"{request.by} asks with a key that it does not have"
            what = (request.by, request.names, request.is_ca)
            if what in asked:
                yield f"{request.by} asks twice for {', '.join(sorted(request.names))}"
            asked.add(what)


def the_wire_is_as_agreed(world: World) -> Iterator[str]:
    """One answer to a request, but for a revoked one; nothing but the interface's own keys."""
    for link in looks.links(world):
        if link.honest_provider is not None:
            yield from _provider_flaws(link)
        if link.honest_requirer is not None:
            for name, bag in looks.bags(link.requirer).items():
                other = set(bag.settings) - {
                    "certificate_signing_requests",
                    "egress-subnets",
                    "ingress-address",
                }
                if other:
                    yield f"{name} writes {', '.join(sorted(other))}"
                for entry in looks.entries(bag.settings.get("certificate_signing_requests", "")):
                    if set(entry) != {"certificate_signing_request", "ca"}:
                        yield f"{name} sends an entry with {', '.join(sorted(entry))}"


def _provider_flaws(link: looks.Link) -> Iterator[str]:
    answers = link.list_of("certificates")
    texts = [str(entry.get("certificate_signing_request")) for entry in answers]
    if len(set(texts)) < len(texts):
        yield f"{link.where} answers a request twice"
    good = {
        str(entry["certificate_signing_request"]).strip()
        for entry in answers
        if not entry.get("revoked")
    }
    if both := good & link.refused():
        yield f"{link.where} both grants and denies {len(both)} requests"
    for entry in answers:
        if not isinstance(entry.get("chain"), list):
            yield f"{link.where} sends no chain"
        if entry.get("revoked", True) is not True:
            yield f"{link.where} writes revoked as {entry['revoked']!r}"
        if looks.leaf(str(entry["certificate"])) is None:
            yield f"{link.where} sends what is no certificate"
    other = set(link.provider.settings.settings) - {
        "certificates",
        "request_errors",
        "capabilities",
        "v3-ca-certificate",
    }
    if other:
        yield f"{link.where} writes {', '.join(sorted(other))}"
    for number, bag in link.provider.units.items():
        if set(bag.settings) - {"egress-subnets", "ingress-address"}:
            yield f"{link.provider.app}/{number} writes in its own databag"


def secrets_are_bounded(world: World) -> Iterator[str]:
    """However long a life is, and whatever happens in it."""
    for model in looks.models(world):
        owners: dict[str, int] = {}
        for secret in model.secrets.values():
            owner = secret.owner.name
            # An old version's are its own affair: it keeps each certificate's until that ends.
            if looks.honest(model, owner.partition("/")[0]) is None:
                continue
            owners[owner] = owners.get(owner, 0) + 1
            # Actions come before hooks: an operator can have more made than an owner hears of.
            told = sum(revision.obsolete_told for revision in secret.revisions.values())
            if told > MOST_REVISIONS:
                yield f"{_name(secret)} has {told} revisions that its owner could have removed"
        for owner, count in owners.items():
            if count > MOST_SECRETS:
                yield f"{owner} has {count} secrets"


def what_is_issued_is_on_record(world: World) -> Iterator[str]:
    """A ledger knows every certificate that stands in a relation, and its revocation."""
    for link in looks.links(world):
        app = link.honest_provider
        if app is None or app.charm.name != looks.PROVIDER:
            continue
        remembered = looks.memory(link.model, app.name)
        if "configuration" not in remembered:
            continue
        book = {
            int(entry["serial"], 16): entry
            for entry in looks.entries(remembered.get("issued", ""))
        }
        holders = {request.csr: request.by for request in link.requests()}
        for csr, entry in link.answers().items():
            certificate = looks.leaf(str(entry["certificate"]))
            if certificate is None or csr not in holders:
                continue
            if certificate.not_after < world.now:
                continue
            line = book.get(certificate.serial)
            if line is None:
                yield f"{link.where} has {certificate}, of which the ledger knows nothing"
            # Whoever leaves is not seen any more from the other side, and is told nothing more.
            elif not link.is_leaving(holders[csr]) and (
                bool(entry.get("revoked")) != (line.get("reason") == "privilege-withdrawn")
            ):
                yield f"{link.where}: the ledger differs on whether {certificate} is revoked"


def what_is_revoked_is_not_served(world: World) -> Iterator[str]:
    """Not by a unit that was told of it."""
    for link in looks.links(world):
        app = link.honest_requirer
        if app is None or link.relation.dying:
            continue
        revoked = {
            str(entry.get("certificate")).strip()
            for entry in link.list_of("certificates")
            if entry.get("revoked")
        }
        for unit in app.units.values() if revoked else ():
            for one in looks.served(world, link.other_model, unit).values():
                if one.leaf.pem in revoked and link.has_told(unit):
                    yield f"{unit.name} serves {one.leaf}, of which it was told that it is revoked"


def is_resting(model: Model, unit: Unit, now: datetime.datetime) -> bool:
    """Tell whether a unit has heard of everything."""
    return (
        not unit.paused
        and unit.failure is None
        and not unit.tasks
        and hooks.next_hook(model, unit, now) is None
    )


def writings(world: World) -> dict[str, object]:
    """Return all that charms have written: databags, secrets with their expiries, statuses."""
    found: dict[str, object] = {}
    for model in looks.models(world):
        for relation in model.relations.values():
            for side in relation.sides:
                for name, bag in looks.bags(side).items():
                    where = f"{side.endpoint.name}:{side.relation_id}"
                    found[f"{name} in {where}"] = dict(bag.settings)
        for secret in model.secrets.values():
            found[f"secret {_name(secret)} {secret.id}"] = {
                n: (dict(r.content), r.expires) for n, r in secret.revisions.items()
            }
        for app in model.applications.values():
            for unit in app.units.values():
                found[f"status of {unit.name}"] = (unit.workload.current, unit.workload.message)
    return found


def _name(secret: Secret) -> str:
    return f"{secret.label.removeprefix(LIBID + '-')[:60]} of {secret.owner.name}"


ALWAYS = (
    no_hook_fails,
    no_private_key_is_in_sight,
    what_is_served_fits_its_key,
    requests_are_of_the_owners_key,
    the_wire_is_as_agreed,
    secrets_are_bounded,
    what_is_issued_is_on_record,
    what_is_revoked_is_not_served,
)


def unanswered(world: World) -> Iterator[str]:
    """After a quiet time, every honest request has a valid certificate or a reason.

    And every unit that is related to an honest provider serves something, or says why not.
    """
    for link in looks.links(world):
        app = link.honest_requirer
        if app is None or link.honest_provider is None or link.relation.dying:
            continue
        answers, refused = link.answers(), link.refused()
        for request in link.requests():
            entry = answers.get(request.csr)
            certificate = looks.leaf(str(entry["certificate"])) if entry else None
            is_good = certificate is not None and certificate.is_valid(world.now)
            if not is_good and request.csr not in refused:
                yield f"{request.by} asks {link.where} for {sorted(request.names)}, unanswered"
        if app.charm.name == looks.REQUIRER:
            for unit in app.units.values():
                serves = [
                    one
                    for one in looks.served(world, link.other_model, unit).values()
                    if one.leaf.is_valid(world.now)
                ]
                if not serves and unit.workload.current != "blocked":
                    yield f"{unit.name} serves nothing, and says {unit.workload.message!r}"
