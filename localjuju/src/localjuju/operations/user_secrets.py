"""Secrets that the model's user keeps, and looking at everybody's."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

from localjuju import inputs, views
from localjuju.model import JujuError, Model, NotFoundError
from localjuju.model.secrets import (
    Owner,
    Reader,
    Revision,
    Secret,
    check_content,
    new_id,
    parse_content,
    parse_uri,
)
from localjuju.wire import Reply, Request

from .registry import model_of, operation

if TYPE_CHECKING:
    from localjuju.controller import Controller


@operation("add-secret")
async def add_secret(controller: Controller, request: Request) -> Reply:
    """Keep a new secret."""
    model, words, now = model_of(controller, request), request.words, controller.now()
    name, content = words.args[0], _content(request)
    if not content:
        raise JujuError("missing secret value or filename", 2)
    if any(s.label == name for s in _of_user(model)):
        raise JujuError(f'secret with name "{name}" already exists')
    secret = Secret(
        id=new_id(model.rng),
        owner=Owner(model.uuid, "model", ""),
        created=now,
        updated=now,
        label=name,
        description=words.last("info"),
        revisions={1: Revision(content, now)},
    )
    model.secrets[secret.id] = secret
    return Reply(text=f"secret:{secret.id}")


@operation("update-secret")
async def update_secret(controller: Controller, request: Request) -> Reply:
    """Change a secret."""
    model, words = model_of(controller, request), request.words
    content, name = _content(request), words.last("name")
    secret = _find(model, words.args[0])
    if not (content or name or words.given("info") or words.given("auto-prune")):
        raise JujuError("at least one attribute to update must be specified")
    if name and any(s.label == name and s is not secret for s in _of_user(model)):
        raise JujuError(f'secret with name "{name}" already exists')
    secret.auto_prune = secret.auto_prune or words.on("auto-prune")
    secret.label = name or secret.label
    secret.description = words.last("info") or secret.description
    if content:
        secret.add_revision(content, controller.now(), None)
    secret.prune()
    controller.model_changed()
    return Reply()


@operation("remove-secret")
async def remove_secret(controller: Controller, request: Request) -> Reply:
    """Remove a secret, or one revision."""
    model, words = model_of(controller, request), request.words
    try:
        secret = _find(model, words.args[0])
    except NotFoundError as error:
        raise NotFoundError(error.message.removesuffix(" (secret not found)")) from error
    if words.given("revision"):
        number = words.number("revision", 0)
        if number not in secret.revisions:
            raise NotFoundError(f"secret revision not found: secret:{secret.id}/{number}")
        del secret.revisions[number]
    if not words.given("revision") or secret.latest not in secret.revisions:
        model.forget_secret(secret, controller.now())
    controller.model_changed()
    return Reply()


@operation("grant-secret", "revoke-secret")
async def grant_secret(controller: Controller, request: Request) -> Reply:
    """Let applications read a secret, or no more."""
    model, words = model_of(controller, request), request.words
    apps = ",".join(words.args[1:]).split(",")
    try:
        secret = _find(model, words.args[0])
    except NotFoundError as error:
        if not words.args[0].startswith("secret:"):
            raise
        raise NotFoundError(
            f'failed to grant/revoke secret: cannot change access to "{words.args[0]}" for '
            f'"{apps[0]}": secret not found'
        ) from error
    for app in apps:
        if app not in model.applications:
            raise NotFoundError(
                f'failed to grant/revoke secret: cannot change access to "secret:{secret.id}" for '
                f'"{app}": application "{app}" not found'
            )
    for app in apps:
        reader = Reader(model.uuid, app)
        if request.verb == "grant-secret":
            secret.grants[reader] = None
        else:
            secret.grants.pop(reader, None)
    return Reply()


@operation("secrets")
async def secrets(controller: Controller, request: Request) -> Reply:
    """List secrets, without what is in them."""
    model = model_of(controller, request)
    owner = request.words.last("owner")
    listed = {
        secret.id: views.secret(model, secret)
        for secret in sorted(model.secrets.values(), key=lambda s: s.id)
        if not owner or owner in _owner_names(model, secret)
    }
    return Reply(listed)


def _owner_names(model: Model, secret: Secret) -> set[str]:
    owner = secret.owner
    if owner.kind == "model":
        return {f"model-{model.uuid}", "model", "<model>"}
    return {f"{owner.kind}-{owner.name.replace('/', '-')}", owner.name}


@operation("show-secret")
async def show_secret(controller: Controller, request: Request) -> Reply:
    """Show one secret; its content when asked to reveal it."""
    model, words = model_of(controller, request), request.words
    wanted = words.args[0]
    secret = next((s for s in _of_user(model) if s.label == wanted), None)
    if secret is None:
        try:
            secret = model.secrets.get(parse_uri(wanted)[1])
        except JujuError:
            secret = None
    if secret is None:
        raise NotFoundError(_not_found(wanted))
    view = views.secret(model, secret, whole=True, revisions=words.on("revisions"))
    number = words.number("revision", secret.latest)
    if words.on("revisions") and words.on("reveal"):
        raise JujuError("specify either --revisions or --reveal but not both", 2)
    if words.on("reveal") and number not in secret.revisions:
        view["error"] = f"secret {secret.id} revision {number} not found"
    elif words.on("reveal"):
        revision = secret.revisions[number]
        view |= {
            "checksum": revision.checksum,
            "content": {"Data": dict(sorted(revision.content.items()))},
        }
    return Reply({secret.id: view})


def _not_found(wanted: str) -> str:
    """Return what Juju says of a secret that is not there: by its name, or by its URI."""
    try:
        secret_id = parse_uri(wanted)[1]
    except JujuError:
        return f'secret "{wanted}" not found'
    return (
        f'getting secret by URI "{secret_id}": querying secrets: secret {{"" "{secret_id}"}} '
        "not found (secret not found)"
    )


def _of_user(model: Model) -> list[Secret]:
    return [secret for secret in model.secrets.values() if secret.owner.kind == "model"]


def _find(model: Model, wanted: str) -> Secret:
    for secret in _of_user(model):
        if (
            wanted == secret.label
            or wanted.rpartition("/")[2].removeprefix("secret:") == secret.id
        ):
            return secret
    raise NotFoundError(
        f'getting user secret for label "{wanted}": secret with label "{wanted}" not found '
        "(secret not found)"
    )


def _content(request: Request) -> dict[str, str]:
    content: dict[str, str] = {}
    if request.words.given("file"):
        name = request.words.last("file")
        data = inputs.read_yaml(inputs.read_text(request.cwd, name), name)
        if not isinstance(data, dict):
            raise JujuError(f"cannot read {name}: it is not a mapping of keys to values")
        entries = cast("dict[object, object]", data)
        content = {str(key): str(value) for key, value in entries.items()}
    read = functools.partial(inputs.read_text, request.cwd)
    content |= parse_content(request.words.args[1:], read)
    check_content(content)
    return content
