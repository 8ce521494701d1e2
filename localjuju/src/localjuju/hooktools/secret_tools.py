"""``secret-*``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from localjuju.flags import Flag, UsageError
from localjuju.model import JujuError, NotFoundError
from localjuju.model.secrets import (
    Reader,
    Rotation,
    Secret,
    check_content,
    parse_content,
    parse_expiry,
    parse_uri,
)

from . import texts
from .pending_secrets import Change
from .registry import FORMAT, NOTHING, Call, tool
from .relation_tools import RELATION, relation_id

if TYPE_CHECKING:
    from collections.abc import Sequence

_DETAILS = (
    Flag("label"),
    Flag("description"),
    Flag("rotate"),
    Flag("expire"),
    Flag("owner"),
    Flag("file"),
)


def rfc3339(moment: datetime.datetime) -> str:
    """Return a moment as Juju prints it in JSON."""
    return moment.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


@tool("secret-add", *_DETAILS)
def secret_add(call: Call) -> str:
    """Make a secret."""
    content = _content(call, call.args)
    if not content:
        raise UsageError("missing secret value or filename")
    secret = call.context.secrets.add(
        content,
        unit_owned=_owner(call) == "unit",
        label=call.options.last("label"),
        description=call.options.last("description"),
        rotation=_rotation(call) or Rotation.NEVER,
        expires=_expiry(call),
    )
    return secret.uri


@tool("secret-set", *_DETAILS)
def secret_set(call: Call) -> object:
    """Change a secret."""
    if not call.args:
        raise UsageError("missing secret URI")
    content = _content(call, call.args[1:])
    _owner(call)
    secret = call.context.secrets.managed(call.args[0])
    given = call.options.given
    change = Change(
        content=content or None,
        label=call.options.last("label") if given("label") else None,
        description=call.options.last("description") if given("description") else None,
        rotation=_rotation(call),
        expires=_expiry(call),
    )
    call.context.secrets.change(secret, change)
    return NOTHING


def _content(call: Call, words: Sequence[str]) -> dict[str, str]:
    """Return what ``--file`` and ``KEY=VALUE`` words give together."""
    content: dict[str, str] = {}
    if call.options.given("file"):
        text = call.read_file(call.options.last("file"))
        content.update(texts.mapping(text, "secret content"))
    content |= parse_content(words, call.read_file)
    check_content(content)
    return content


@tool("secret-get", Flag("label"), Flag("peek", "bool"), Flag("refresh", "bool"), FORMAT)
def secret_get(call: Call) -> Any:
    """Read a secret."""
    label = call.options.last("label")
    secrets = call.context.secrets
    if call.args:
        secret = secrets.by_id(call.args[0])
    elif label:
        secret = secrets.by_label(label)
    else:
        raise UsageError("require either a secret URI or label")
    content = secrets.read(
        secret,
        peek=call.options.on("peek"),
        refresh=call.options.on("refresh"),
        label=label if call.args else "",
    )
    if len(call.args) > 1:
        if call.args[1] not in content:
            raise NotFoundError(f'secret key value "{call.args[1]}" not found')
        return content[call.args[1]]
    return dict(sorted(content.items()))


@tool("secret-info-get", Flag("label"), FORMAT)
def secret_info_get(call: Call) -> dict[str, Any]:
    """What the owner may know of a secret without its content."""
    secrets, label = call.context.secrets, call.options.last("label")
    if call.args:
        secret = secrets.managed(call.args[0])
    elif label:
        found = secrets.by_owner_label(label)
        if found is None or found not in secrets.owned():
            raise NotFoundError(f'secret "{label}" not found')
        secret = found
    else:
        raise UsageError("require either a secret URI or label")
    return {secret.id: _info(call, secrets.described(secret))}


def _info(call: Call, secret: Secret) -> dict[str, Any]:
    info: dict[str, Any] = {"revision": secret.latest}
    if secret.label:
        info["label"] = secret.label
    info["owner"] = secret.owner.kind
    if secret.description:
        info["description"] = secret.description
    if secret.id not in call.context.secrets.created or secret.rotation is not Rotation.NEVER:
        info["rotation"] = secret.rotation.value
    expires = secret.revisions[secret.latest].expires
    if expires is not None:
        info["expiry"] = rfc3339(expires)
    if secret.rotates is not None and secret.id not in call.context.secrets.created:
        info["rotates"] = rfc3339(secret.rotates)
    model = call.context.model
    # Juju does not say who in another model may read it.
    access = [
        grant_view(model.relations, reader, relation)
        for reader, relation in secret.grants.items()
        if reader.model == model.uuid
    ]
    if access:
        info["access"] = access
    return info


def grant_view(relations: Any, reader: Reader, relation: int | None) -> dict[str, str]:
    """Return one grant as Juju shows it.

    Args:
        relations: Of the owner's model, by number.
        reader: Who may read.
        relation: By which relation, or None if by the model's user.
    """
    scope = f"model-{reader.model}"
    if relation is not None and relation in relations:
        scope = "relation-" + relations[relation].key.replace(":", ".").replace(" ", "#")
    kind = "unit" if "/" in reader.name else "application"
    return {"target": f"{kind}-{reader.name.replace('/', '-')}", "scope": scope, "role": "view"}


@tool("secret-ids", FORMAT)
def secret_ids(call: Call) -> list[str] | None:
    """The secrets that this unit may change."""
    return sorted(secret.id for secret in call.context.secrets.owned()) or None


@tool("secret-grant", RELATION, Flag("unit"))
def secret_grant(call: Call) -> object:
    """Let the other side of a relation, or one unit of it, read a secret."""
    if not call.args:
        raise UsageError("missing secret URI")
    number = relation_id(call)
    secret = call.context.secrets.managed(call.args[0])
    reader = _remote_reader(call, number)
    call.context.secrets.grants[secret.id, reader] = number
    return NOTHING


@tool("secret-revoke", RELATION, Flag("unit"), Flag("app", short="a"))
def secret_revoke(call: Call) -> object:
    """Take a grant back."""
    if not call.args:
        raise UsageError("missing secret URI")
    by_app = call.options.last("app")
    number = None if by_app else relation_id(call)
    secret = call.context.secrets.managed(call.args[0])
    if number is None:
        granted = [r for r in secret.grants if r.name.partition("/")[0] == by_app]
    else:
        granted = [_remote_reader(call, number)]
    for reader in granted:
        call.context.secrets.grants[secret.id, reader] = None
    return NOTHING


@tool("secret-remove", Flag("revision", "int"))
def secret_remove(call: Call) -> object:
    """Remove a secret, or one revision of it."""
    if not call.args:
        raise UsageError("missing secret URI")
    revision = call.options.number("revision", 0) if call.options.given("revision") else None
    # Whether it may be removed is only known when the hook has ended, as in Juju.
    call.context.secrets.remove(parse_uri(call.args[0])[1], revision)
    return NOTHING


def _remote_reader(call: Call, number: int) -> Reader:
    _, theirs = call.context.sides(number)
    unit = call.options.last("unit")
    if not unit:
        return Reader(theirs.model, theirs.app)
    name, _, digits = unit.partition("/")
    if not digits.isdecimal():
        raise UsageError(f'unit "{unit}" not valid')
    if name != theirs.seen_as:
        raise JujuError(f'unit "{unit}" is not in the relation')
    return Reader(theirs.model, f"{theirs.app}/{digits}")


def _owner(call: Call) -> str:
    owner = call.options.last("owner", "application")
    if owner not in {"application", "unit"}:
        raise UsageError(f'secret owner "{owner}" not valid')
    return owner


def _rotation(call: Call) -> Rotation | None:
    text = call.options.last("rotate")
    if not text:
        return None
    try:
        return Rotation(text)
    except ValueError:
        raise UsageError(f'rotate policy "{text}" not valid') from None


def _expiry(call: Call) -> datetime.datetime | None:
    text = call.options.last("expire")
    return parse_expiry(text, call.context.clock()) if text else None
