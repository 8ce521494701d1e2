"""What one run of a hook does to secrets, held until the hook has ended well."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from localjuju.model.errors import JujuError, NotFoundError
from localjuju.model.secrets import (
    Consumer,
    Owner,
    Reader,
    Revision,
    Rotation,
    Secret,
    new_id,
    parse_uri,
)

from .errors import CommitError

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from .context import HookContext


_NOT_MADE = {
    "application": "executing leadership func: create secrets: ",
    "unit": "create secrets: ",
}
"""How Juju begins to say that a secret of the application, or of the unit, was not made."""


@dataclasses.dataclass
class Change:
    """What ``secret-set`` asked for; None leaves a thing as it is."""

    content: Mapping[str, str] | None = dataclasses.field(default=None, repr=False)
    label: str | None = None
    description: str | None = None
    rotation: Rotation | None = None
    expires: datetime.datetime | None = None


@dataclasses.dataclass
class Read:
    """Which revision this unit tracks after the hook, and under which label."""

    revision: int
    """0 for the newest that there will be."""
    label: str


class PendingSecrets:
    """The secrets of a model as one run of a hook sees and changes them."""

    def __init__(self, context: HookContext) -> None:
        self._context = context
        self._unit = Reader(context.model.uuid, context.unit.name)
        self._app = Reader(context.model.uuid, context.unit.app)
        self.created: dict[str, Secret] = {}
        self.changes: dict[str, Change] = {}
        self.removals: dict[str, set[int] | None] = {}
        """Revisions to remove, or None for the whole secret."""
        self.grants: dict[tuple[str, Reader], int | None] = {}
        """By secret and reader the relation of a grant, or None for a revocation."""
        self.reads: dict[str, Read] = {}

    # Who is who.

    def belongs(self, secret: Secret) -> bool:
        """Whether the unit, or its application, owns a secret."""
        owner = secret.owner
        return owner.model == self._unit.model and owner.name in {self._unit.name, self._app.name}

    def manages(self, secret: Secret) -> bool:
        """Whether the unit may change a secret: its own, or the application's if it leads."""
        return self.belongs(secret) and (secret.owner.kind == "unit" or self._context.is_leader)

    # Looking up.

    def owned(self) -> list[Secret]:
        """The secrets that the unit may change, as after this run."""
        known = [*self._context.model.secrets.values(), *self.created.values()]
        return [s for s in known if self.manages(s) and self.removals.get(s.id, ()) is not None]

    def by_id(self, uri: str) -> Secret:
        """Return a secret by URI or id.

        Raises:
            NotFoundError: With Juju's words for reading one that is not there.
        """
        uuid, secret_id = parse_uri(uri)
        secret = self.created.get(secret_id) or self._context.model.secrets.get(secret_id)
        if secret is None and uuid not in {None, self._context.model.uuid}:
            secret = self._context.model.find_secret(secret_id)
            if secret is None:
                raise JujuError("permission denied")
        if secret is None or (
            # What is not the unit's to remove is only refused when the hook has ended.
            self.removals.get(secret_id, ()) is None and self.manages(secret)
        ):
            raise NotFoundError("getting latest secret revision: secret not found")
        return secret

    def by_owner_label(self, label: str) -> Secret | None:
        """Return the secret of the unit or its application that has this label."""
        for secret in [*self.created.values(), *self._context.model.secrets.values()]:
            change = self.changes.get(secret.id)
            labels = (secret.label, change.label if change else None)
            if label in labels and self.belongs(secret):
                return secret
        return None

    def by_label(self, label: str) -> Secret:
        """Return the secret that the unit knows by this label, as owner or as reader."""
        found = self.by_owner_label(label)
        if found is None:
            # What this run was the first here to read is on no record of another model yet.
            first_read = map(self._context.model.find_secret, self.reads)
            for secret in [*self._context.model.reachable_secrets(), *filter(None, first_read)]:
                consumer = secret.consumers.get(self._unit)
                read = self.reads.get(secret.id)
                if label in {consumer.label if consumer else "", read.label if read else ""}:
                    found = secret
        if found is None or self.removals.get(found.id, ()) is None:
            raise NotFoundError(f'secret URI for consumer label "{label}" not found')
        return found

    def managed(self, uri: str) -> Secret:
        """Return a secret that the unit may change."""
        secret_id = parse_uri(uri)[1]
        for secret in self.owned():
            if secret.id == secret_id:
                return secret
        raise NotFoundError(f'secret "{secret_id}" not found')

    def described(self, secret: Secret) -> Secret:
        """Return a secret with this run's label, description, rotation and expiry.

        Its revision stays the committed one, as in Juju.
        """
        change = self.changes.get(secret.id)
        if change is None:
            return secret
        latest = secret.revisions[secret.latest]
        return dataclasses.replace(
            secret,
            label=secret.label if change.label is None else change.label,
            description=secret.description if change.description is None else change.description,
            rotation=change.rotation or secret.rotation,
            revisions={
                **secret.revisions,
                secret.latest: dataclasses.replace(
                    latest, expires=change.expires or latest.expires
                ),
            },
        )

    # Reading.

    def read(self, secret: Secret, *, peek: bool, refresh: bool, label: str) -> Mapping[str, str]:
        """Return content as ``secret-get`` does, and note which revision the unit now tracks.

        Raises:
            JujuError: If the unit may not read it.
        """
        if not secret.may_read(self._unit, self._app):
            if secret.owner.model != self._unit.model:
                raise JujuError("permission denied")
            raise JujuError(f'"{self._unit.name}" is not allowed to read this secret')
        change = self.changes.get(secret.id, Change())
        newest = change.content or secret.revisions[secret.latest].content
        consumer = secret.consumers.get(self._unit)
        earlier = self.reads.get(secret.id)
        tracking = earlier.revision if earlier else (consumer.tracking if consumer else None)
        known_as = label or (earlier.label if earlier else consumer.label if consumer else "")
        if self.belongs(secret):
            # An owner's label is the secret's own. Followers have the newest without asking.
            known_as = ""
            refresh = refresh or not self.manages(secret)
        if peek:
            return newest
        if refresh or tracking is None or tracking == 0:
            # Juju gives the first reader the newest *committed* revision.
            is_new = refresh or tracking == 0 or secret.id in self.created
            self.reads[secret.id] = Read(0 if is_new else secret.latest, known_as)
            return newest if is_new else secret.revisions[secret.latest].content
        self.reads[secret.id] = Read(tracking, known_as)
        if tracking not in secret.revisions:
            raise NotFoundError(f"secret revision not found: {secret.id}/{tracking}")
        return secret.revisions[tracking].content

    # Writing.

    def add(
        self,
        content: Mapping[str, str],
        *,
        unit_owned: bool,
        label: str,
        description: str,
        rotation: Rotation,
        expires: datetime.datetime | None,
    ) -> Secret:
        """Hold a new secret; its id is known at once."""
        if not unit_owned and not self._context.is_leader:
            raise JujuError("this unit is not the leader")
        now = self._context.clock()
        owner = self._unit if unit_owned else self._app
        kind = "unit" if unit_owned else "application"
        secret = Secret(
            id=new_id(self._context.model.rng),
            owner=Owner(owner.model, kind, owner.name),
            created=now,
            updated=now,
            label=label,
            description=description,
            rotation=rotation,
            rotates=rotation.after(now),
            revisions={1: Revision(dict(content), now, expires)},
        )
        self.created[secret.id] = secret
        return secret

    def change(self, secret: Secret, wanted: Change) -> None:
        """Hold a change; what an earlier ``secret-set`` of this run asked for stays."""
        if secret.id in self.created:
            self._change_now(secret, wanted)
            if wanted.content is not None:
                secret.revisions = {
                    1: dataclasses.replace(secret.revisions[1], content=wanted.content)
                }
            return
        held = self.changes.setdefault(secret.id, Change())
        for field in dataclasses.fields(wanted):
            value = getattr(wanted, field.name)
            if value is not None:
                setattr(held, field.name, value)

    def remove(self, secret_id: str, revision: int | None) -> None:
        """Hold the removal of one revision, or of a whole secret."""
        held = self.removals.get(secret_id, set())
        self.removals[secret_id] = None if revision is None or held is None else held | {revision}

    def check(self) -> None:
        """Refuse what cannot be done any more.

        Raises:
            CommitError: With the reason.
        """
        unit = self._unit.name
        for secret in self.created.values():
            if not self.manages(secret):
                raise CommitError("creating secrets: this unit is not the leader")
            self._check_label(secret, secret.label)
        for secret_id, change in self.changes.items():
            secret = self._context.model.secrets.get(secret_id)
            if secret is None or not self.manages(secret):
                raise CommitError(
                    f'updating secrets: "{unit}" is not allowed to manage this secret'
                )
            if change.label is not None:
                self._check_label(secret, change.label)
        for secret_id in self.removals:
            secret = self.created.get(secret_id) or self._context.model.secrets.get(secret_id)
            if secret is not None and not self.manages(secret):
                raise CommitError(
                    f'removing secrets: "{unit}" is not allowed to manage this secret'
                )
        for secret_id, _ in self.grants:
            secret = self.created.get(secret_id) or self._context.model.secrets.get(secret_id)
            if secret is None or not self.manages(secret):
                raise CommitError(
                    f'granting secrets: "{unit}" is not allowed to manage this secret'
                )

    def apply(self) -> None:
        """Make what this run asked for; ``check`` has passed."""
        model, now = self._context.model, self._context.clock()
        model.secrets.update(self.created)
        for secret_id, change in self.changes.items():
            self._change_now(model.secrets[secret_id], change)
        for (secret_id, reader), relation_id in self.grants.items():
            if relation_id is None:
                model.secrets[secret_id].grants.pop(reader, None)
            else:
                model.secrets[secret_id].grants[reader] = relation_id
        for secret_id, read in self.reads.items():
            secret = model.find_secret(secret_id)
            if secret is not None:
                revision = read.revision or secret.latest
                told = max(revision, secret.latest if read.revision == 0 else revision)
                secret.consumers[self._unit] = Consumer(revision, told, read.label)
                secret.prune()
        for secret_id, revisions in self.removals.items():
            secret = model.secrets.get(secret_id)
            if secret is None:
                continue
            for number in revisions or ():
                secret.revisions.pop(number, None)
            if revisions is None or secret.latest not in secret.revisions:
                model.forget_secret(secret, now)

    def _check_label(self, secret: Secret, label: str) -> None:
        others = [*self._context.model.secrets.values(), *self.created.values()]
        if label and any(
            o.id != secret.id and o.label == label and o.owner == secret.owner for o in others
        ):
            raise CommitError(
                f'{_NOT_MADE[secret.owner.kind]}creating secret "{secret.id}": '
                f'secret with label "{label}" already exists'
            )

    def _change_now(self, secret: Secret, change: Change) -> None:
        now = self._context.clock()
        if change.label is not None:
            secret.label = change.label
        if change.description is not None:
            secret.description = change.description
        if change.rotation is not None and change.rotation is not secret.rotation:
            secret.rotation = change.rotation
            secret.rotates = change.rotation.after(now)
        made = (
            change.content is not None
            and secret.id not in self.created
            and secret.add_revision(change.content, now, change.expires)
        )
        if change.expires is not None and not made:
            latest = secret.revisions[secret.latest]
            latest.expires, latest.expired_again = change.expires, None
