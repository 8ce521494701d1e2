"""Which secret hook a unit is due: as owner (expired, rotate, remove) and as reader (changed)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .applications import Hook, Unit
from .secrets import REPEAT_EXPIRED, Expiry, Reader, Revision, Secret

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from .model import Model


def moments(model: Model, unit: Unit) -> list[datetime.datetime]:
    """Return when secrets that *unit* owns expire or rotate."""
    found: list[datetime.datetime] = []
    for secret in owned_by(model, unit):
        found += [m for r in secret.revisions.values() if (m := expiry_moment(model, r))]
        found += [secret.rotates] if secret.rotates else []
    return found + [ghost.due for ghost in model.ghosts if ghost.unit_may_be_told(model, unit)]


def told(model: Model, unit: Unit, hook: Hook, now: datetime.datetime) -> None:
    """Note that the secret hook *hook* was run."""
    for ghost in model.ghosts:
        if (ghost.secret, ghost.revision) == (hook.secret, hook.secret_revision):
            ghost.due = now + REPEAT_EXPIRED
    secret = model.find_secret(hook.secret)
    if secret is None:
        return
    revision = secret.revisions.get(hook.secret_revision or 0)
    if hook.kind == "secret-changed":
        consumer = secret.consumers.get(Reader(model.uuid, unit.name))
        if consumer is not None:
            consumer.told = secret.latest
    elif hook.kind == "secret-expired" and revision is not None:
        # A hook that moved the expiry away has dealt with it: that one begins anew.
        first = _first_expiry(model, revision)
        is_still_due = first is not None and first <= now
        revision.expired_again = now + REPEAT_EXPIRED if is_still_due else None
    elif hook.kind == "secret-remove" and revision is not None:
        revision.obsolete_told = True
    elif hook.kind == "secret-rotate":
        secret.rotates = secret.rotation.after(now)


def owned_by(model: Model, unit: Unit) -> list[Secret]:
    """Return the secrets that *unit* answers for: its own, and the application's if it leads."""
    app = model.applications[unit.app]
    owners = {("unit", unit.name)}
    if app.leader == unit.number:
        owners.add(("application", unit.app))
    return [s for s in model.secrets.values() if (s.owner.kind, s.owner.name) in owners]


def expiry_moment(model: Model, revision: Revision) -> datetime.datetime | None:
    """Return when secret-expired is due for *revision*, under the model's way of expiry."""
    if model.expiry is Expiry.LOST or revision.expires is None:
        return None
    return revision.expired_again or _first_expiry(model, revision)


def _first_expiry(model: Model, revision: Revision) -> datetime.datetime | None:
    if model.expiry is Expiry.EARLY and revision.expires is not None:
        return revision.expires.replace(second=0, microsecond=0)
    return revision.expires


def due(model: Model, unit: Unit, now: datetime.datetime) -> Iterator[Hook]:
    """Give the secret hooks that *unit* is due, the most urgent first."""
    for secret in owned_by(model, unit):
        for number, revision in sorted(secret.revisions.items()):
            moment = expiry_moment(model, revision)
            if moment is not None and now >= moment:
                yield _owner_hook("secret-expired", secret, number)
        if secret.rotates is not None and now >= secret.rotates:
            yield _owner_hook("secret-rotate", secret, None)
    for ghost in model.ghosts:
        if ghost.unit_may_be_told(model, unit) and now >= ghost.due:
            yield Hook(
                "secret-expired",
                secret=ghost.secret,
                secret_uri=ghost.secret,
                secret_revision=ghost.revision,
            )
    yield from _changed(model, unit)
    for secret in owned_by(model, unit):
        tracked = secret.tracked()
        for number, revision in sorted(secret.revisions.items()):
            if number != secret.latest and number not in tracked and not revision.obsolete_told:
                yield _owner_hook("secret-remove", secret, number)


def _changed(model: Model, unit: Unit) -> Iterator[Hook]:
    reader, app = Reader(model.uuid, unit.name), Reader(model.uuid, unit.app)
    for secret in model.reachable_secrets():
        consumer = secret.consumers.get(reader)
        if (
            consumer is not None
            and consumer.told < secret.latest
            and consumer.tracking < secret.latest
            and secret.may_read(reader, app)
        ):
            label = consumer.label or (
                secret.label if secret.owner.name in {unit.name, unit.app} else ""
            )
            home = secret.owner.model == model.uuid
            yield Hook(
                "secret-changed",
                secret=secret.id,
                secret_uri=f"secret:{secret.id}" if home else secret.uri,
                secret_label=label,
            )


def _owner_hook(kind: str, secret: Secret, revision: int | None) -> Hook:
    return Hook(
        kind,
        secret=secret.id,
        secret_uri=secret.id,
        secret_label=secret.label,
        secret_revision=revision,
    )
