"""What the operator gives to an application: its charm, its options and its files."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from localjuju import charmfiles, inputs, views
from localjuju.model import Charm, JujuError, NotFoundError, charms, parse_config
from localjuju.wire import Reply, Request

from .registry import key_values, model_of, operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localjuju.controller import Controller

BASES = ("ubuntu@20.04", "ubuntu@22.04", "ubuntu@24.04", "ubuntu@25.10", "ubuntu@26.04")
PREFERRED_BASE = "ubuntu@24.04"


@operation("deploy")
async def deploy(controller: Controller, request: Request) -> Reply:
    """Deploy a charm's folder or file."""
    model, words = model_of(controller, request), request.words
    if words.number("num-units", 1) < 1:
        raise JujuError("--num-units must be a positive integer", 2)
    shown = words.args[0]
    if not charmfiles.is_charm_path(shown):
        raise JujuError(
            f'localjuju has no Charmhub: "{shown}" is neither a folder nor a .charm file '
            f'(a path begins with "./" or "/")'
        )
    config = _config(words.all("config"), request.cwd)
    source = _path(request.cwd, shown)
    staged = controller.folder.model(model.uuid) / "charms" / f".{id(request)}"
    charm = await asyncio.to_thread(charmfiles.take_charm, source, shown, staged)
    name = words.args[1] if len(words.args) > 1 else charm.name
    notes: list[str] = []
    try:
        charms.check_name(name)
        base = _base(charm, words.last("base"))
        revision = model.next_charm_revision(charm.name)
        which = f'local charm "{charm.name}", revision {revision}'
        notes.append(f"Located {which}")
        resources = _resources(charm, words.all("resource"), request.cwd)
        notes.append(f'Deploying "{name}" from {which} on {base}/stable')
        charms.check_deploy(model, charm, name, config)
    except JujuError as error:
        await asyncio.to_thread(shutil.rmtree, staged)
        return Reply(notes=tuple(notes), error=error.message, code=error.code)
    staged.rename(controller.charm_path(model, charm.name, revision))
    app = model.deploy(
        charm,
        name,
        controller.now(),
        revision=revision,
        units=words.number("num-units", 1),
        config=config,
        base=base,
    )
    app.trust = words.on("trust")
    app.resources = resources
    app.constraints = key_values(" ".join(words.all("constraints")).split())
    controller.model_changed()
    return Reply(notes=tuple(notes))


@operation("refresh")
async def refresh(controller: Controller, request: Request) -> Reply:
    """Give an application another revision of its charm."""
    model, words = model_of(controller, request), request.words
    if words.args[0] not in model.applications:
        raise NotFoundError(
            f'"{words.args[0]}" deploy incomplete, please try refresh again in a little bit.'
        )
    app = model.applications[words.args[0]]
    if not words.given("path"):
        raise JujuError("refreshing a local charm requires either --path or --switch")
    shown = words.last("path")
    source = _path(request.cwd, shown)
    if not source.exists():
        raise NotFoundError(f'"{shown}": file does not exist')
    staged = controller.folder.model(model.uuid) / "charms" / f".{id(request)}"
    charm = await asyncio.to_thread(charmfiles.take_charm, source, shown, staged)
    notes: list[str] = []
    try:
        charms.check_same_charm(app, charm)
        values = parse_config(charm, _config(words.all("config"), request.cwd))
        resources = _resources(charm, words.all("resource"), request.cwd)
        revision = model.next_charm_revision(charm.name)
        notes.append(f'Added local charm "{charm.name}", revision {revision}, to the model')
        model.refresh(app.name, charm, revision)
    except JujuError as error:
        await asyncio.to_thread(shutil.rmtree, staged)
        return Reply(notes=tuple(notes), error=error.message, code=error.code)
    staged.rename(controller.charm_path(model, charm.name, revision))
    app.config.update(values)
    app.resources = {**app.resources, **resources}
    app.trust = app.trust or words.on("trust")
    controller.model_changed()
    endpoints = ", ".join(charm.bindings)
    notes.append(f'no change to endpoints in space "alpha": {endpoints}')
    return Reply(notes=tuple(notes))


@operation("config")
async def config(controller: Controller, request: Request) -> Reply:
    """Show or set an application's options."""
    model, words = model_of(controller, request), request.words
    name, rest = words.args[0], words.args[1:]
    if name not in model.applications:
        raise NotFoundError(f"application {name} not found (not found)")
    app = model.applications[name]
    sets = [word for word in rest if "=" in word]
    asked = [word for word in rest if "=" not in word]
    if sets or words.given("reset") or words.given("file"):
        values = key_values(sets)
        if words.given("file"):
            values = {**_config([words.last("file")], request.cwd), **values}
        if "trust" in values:
            app.trust = values.pop("trust").lower() == "true"
        values = {k: _file_value(v, request.cwd) for k, v in values.items()}
        _check_text(values)
        reset = ",".join(words.all("reset")).split(",")
        model.set_config(name, values, reset)
        controller.model_changed()
        return Reply()
    view = views.config(app)
    if not asked:
        return Reply(view)
    if asked[0] == "trust":
        return Reply(app.trust, text=str(app.trust).lower())
    if asked[0] not in app.charm.options:
        raise NotFoundError(
            f'key "{asked[0]}" not found in "{name}" application config or charm settings.'
        )
    return Reply(app.effective_config().get(asked[0]))


@operation("attach-resource")
async def attach_resource(controller: Controller, request: Request) -> Reply:
    """Attach a file to an application."""
    app = model_of(controller, request).application(request.words.args[0])
    app.resources = {
        **app.resources,
        **_resources(app.charm, request.words.args[1:], request.cwd),
    }
    return Reply()


def _path(cwd: str, text: str) -> Path:
    return Path(cwd, Path(text).expanduser())


def _config(words: list[str], cwd: str) -> dict[str, str]:
    """Options of ``--config``: ``key=value`` words, and YAML files with them by application."""
    values: dict[str, str] = {}
    for word in words:
        if "=" in word:
            values.update(key_values([word]))
            continue
        data = inputs.read_yaml(inputs.read_text(cwd, word), word)
        if not isinstance(data, dict):
            raise JujuError(f"cannot read {word}: it is not a mapping of options to values")
        inner = next(iter(data.values()), {}) if data else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        options = inner if isinstance(inner, dict) else data  # pyright: ignore[reportUnknownVariableType]
        for key, value in options.items():  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportOptionalMemberAccess]
            values[str(key)] = str(value).lower() if isinstance(value, bool) else str(value)  # pyright: ignore[reportUnknownArgumentType]
    values = {key: _file_value(value, cwd) for key, value in values.items()}
    _check_text(values)
    return values


def _check_text(values: Mapping[str, str]) -> None:
    """Refuse values that came as bytes which are no UTF-8."""
    for key, value in values.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise JujuError(f'value for option "{key}" contains non-UTF-8 sequences') from None


def _file_value(value: str, cwd: str) -> str:
    """``key=@file`` takes the value from a file."""
    return inputs.read_text(cwd, value[1:]) if value.startswith("@") else value


def _base(charm: Charm, wanted: str) -> str:
    supported = charm.bases or BASES
    if not wanted:
        return PREFERRED_BASE if PREFERRED_BASE in supported else supported[-1]
    base = wanted.partition("/")[0]
    if base in supported:
        return base
    if base in BASES:
        names = ", ".join(supported)
        raise JujuError(f'base "{base}/stable" is not supported, supported bases are: {names}')
    raise JujuError(
        f"{charm.name} is not available on the following base: {base}/stable not supported"
    )


def _resources(charm: Charm, words: list[str], cwd: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in key_values(words).items():
        if name not in charm.resources:
            raise JujuError(f'unrecognized resource "{name}"')
        path = _path(cwd, value)
        if not path.is_file():
            raise JujuError(f'file for resource "{name}": no such file: {value}')
        found[name] = str(path)
    return found
