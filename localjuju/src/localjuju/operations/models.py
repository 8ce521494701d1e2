"""Models and the controller itself: adding, listing, configuring, ending."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localjuju import JUJU_VERSION, views
from localjuju.model import JujuError, Model, parse_duration
from localjuju.wire import Reply, Request

from .registry import key_values, model_of, operation

if TYPE_CHECKING:
    from localjuju.controller import Controller

DEFAULTS: dict[str, Any] = {
    "agent-version": JUJU_VERSION,
    "automatically-retry-hooks": True,
    "default-base": "",
    "egress-subnets": "",
    "image-stream": "released",
    "logging-config": "<root>=INFO",
    "test-mode": False,
    "update-status-hook-interval": "5m",
}
"""The model configuration that there is, of the much longer list of Juju."""


@operation("ping")
async def ping(controller: Controller, _request: Request) -> Reply:
    """Answer, and say which controller this is."""
    models = sorted(model.name for model in controller.models.values())
    return Reply({"uuid": controller.uuid, "models": models})


@operation("add-model")
async def add_model(controller: Controller, request: Request) -> Reply:
    """Add a model."""
    name = request.words.args[0]
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise JujuError(
            f'"{name}" is not a valid name: model names may only contain lowercase letters, '
            "digits and hyphens"
        )
    config = _checked(key_values(request.words.all("config")))
    controller.add_model(name, config)
    where = "on localhost/localhost with credential 'localhost' for user 'admin'"
    return Reply(notes=(f"Added '{name}' model {where}",))


@operation("destroy-model")
async def destroy_model(controller: Controller, request: Request) -> Reply:
    """End a model: after its units' last hooks, or with ``--force`` at once."""
    name = request.model
    model = controller.model(name)
    if request.words.given("timeout") and not request.words.on("force"):
        raise JujuError("--timeout can only be used with --force (dangerous)", 2)
    if not (request.words.on("no-prompt") or request.words.on("yes")):
        warning = (
            f'WARNING This command will destroy the "{name}" model and affect the following '
            f"resources. It cannot be stopped.\n\n - {len(model.units())} machines will be "
            f"destroyed\n - {len(model.applications)} applications will be removed\n"
        )
        return Reply(notes=(warning,), error="model destruction: aborted", code=1)
    offered = [o for o in model.offers.values() if _is_taken(model, o.app)]
    if offered and not request.words.on("force"):
        raise JujuError(f'cannot destroy model "{name}": it has offers that are in use')
    request.progress("Destroying model")
    if not request.words.on("force"):
        model.dying = True
        for app in list(model.applications):
            model.remove_application(app)
        controller.model_changed()
        # Somebody else may end it by force meanwhile.
        await controller.wait_for(
            lambda: not model.applications or model.uuid not in controller.models, None
        )
    if model.uuid in controller.models:
        await controller.end_model(model)
    return Reply(notes=("Model destroyed.",))


def _is_taken(model: Model, app: str) -> bool:
    return any(relation.is_cross_model for relation in model.relations_of(app))


@operation("models")
async def models(controller: Controller, _request: Request) -> Reply:
    """List the models."""
    listed = [
        {
            **{
                key: value
                for key, value in views.show_model(model, controller.name, controller.uuid).items()
                if key not in {"users", "machines", "secret-backends", "credential"}
                and key != "supported-features"
            },
            "access": "admin",
            "last-connection": "just now",
        }
        for model in sorted(controller.models.values(), key=lambda model: model.name)
    ]
    return Reply({"models": listed})


@operation("show-model")
async def show_model(controller: Controller, request: Request) -> Reply:
    """Show models."""
    names = [n.rpartition(":")[2].rpartition("/")[2] for n in request.words.args] or [
        request.model
    ]
    shown = {
        name: views.show_model(controller.model(name), controller.name, controller.uuid)
        for name in names
    }
    return Reply(shown)


@operation("has-model")
async def has_model(controller: Controller, request: Request) -> Reply:
    """Say nothing if a model exists, for ``juju switch``."""
    model_of(controller, request)
    return Reply()


@operation("model-config")
async def model_config(controller: Controller, request: Request) -> Reply:
    """Show or set a model's configuration."""
    model = model_of(controller, request)
    sets = [word for word in request.words.args if "=" in word]
    asked = [word for word in request.words.args if "=" not in word]
    reset = ",".join(request.words.all("reset")).split(",") if request.words.given("reset") else []
    for key in [*asked, *reset]:
        if key not in DEFAULTS:
            raise JujuError(
                f'"{key}" is not a key of the currently targeted model: "admin/{model.name}"'
            )
    if sets or reset:
        checked = _checked(key_values(sets))
        model.config = {k: v for k, v in {**model.config, **checked}.items() if k not in reset}
        now = controller.now()
        for unit in model.units():
            # The new interval counts from now on.
            if unit.next_update_status is not None:
                unit.next_update_status = now + model.update_status_interval
        controller.model_changed()
        return Reply()
    view = {
        key: {
            "Value": _typed(model.config[key], default) if key in model.config else default,
            "Source": "model" if key in model.config or key == "agent-version" else "default",
        }
        for key, default in DEFAULTS.items()
        if not asked or key in asked
    }
    return Reply(view, text=str(view[asked[0]]["Value"]) if len(asked) == 1 else None)


def _typed(text: str, default: Any) -> Any:
    return text.lower() == "true" if isinstance(default, bool) else text


def _checked(values: dict[str, str]) -> dict[str, str]:
    for key, value in values.items():
        if key not in DEFAULTS:
            raise JujuError(
                f'localjuju has no model configuration "{key}"; it has: {", ".join(DEFAULTS)}'
            )
        if key == "update-status-hook-interval":
            parse_duration(value)
        if isinstance(DEFAULTS[key], bool) and value.lower() not in {"true", "false"}:
            raise JujuError(f'{key}: expected bool, got string("{value}")')
    return values


@operation("model-constraints", "set-model-constraints")
async def model_constraints(controller: Controller, request: Request) -> Reply:
    """Show or keep constraints; there are no machines that they could be of use for."""
    model = model_of(controller, request)
    if request.verb == "set-model-constraints":
        model.constraints = key_values(request.words.args)
        return Reply()
    return Reply(
        dict(model.constraints), text=" ".join(f"{k}={v}" for k, v in model.constraints.items())
    )


@operation("show-controller")
async def show_controller(controller: Controller, _request: Request) -> Reply:
    """Say what there is to say of a controller."""
    machines = sum(len(model.units()) for model in controller.models.values())
    details = {
        "uuid": controller.uuid,
        "api-endpoints": [controller.folder.control],
        "cloud": views.CLOUD,
        "region": views.REGION,
        "agent-version": JUJU_VERSION,
        "model-count": len(controller.models),
        "machine-count": machines,
    }
    return Reply({controller.name: {"details": details}})


@operation("destroy-controller", "kill-controller")
async def destroy_controller(controller: Controller, request: Request) -> Reply:
    """End the controller, with all its models if asked to."""
    kills = request.verb == "kill-controller"
    if not (request.words.on("no-prompt") or request.words.on("yes")):
        raise JujuError("controller destruction: aborted (confirm with --no-prompt)")
    if controller.models and not (kills or request.words.on("destroy-all-models")):
        names = ", ".join(sorted(model.name for model in controller.models.values()))
        raise JujuError(
            f'cannot destroy controller "{controller.name}"\n\nThe controller has live models: '
            f"{names}.\nIf you want to destroy them too, use the --destroy-all-models option."
        )
    for model in list(controller.models.values()):
        await controller.end_model(model)
    controller.ending.set()
    return Reply(notes=(f'Controller "{controller.name}" is gone.',))


@operation("debug-log")
async def debug_log(controller: Controller, request: Request) -> Reply:
    """Return the log: the last lines, or all."""
    model = model_of(controller, request)
    words = request.words
    lines = list(model.log)
    levels = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"]
    least = words.last("level", "TRACE").upper()
    if least not in levels:
        raise JujuError(f'level value "{least}" is not one of "{", ".join(levels)}"', 2)
    lines = [line for line in lines if levels.index(line.level) >= levels.index(least)]
    wanted = words.all("include")
    if wanted:
        tags = {model.unit(name).tag if "/" in name else name for name in wanted}
        lines = [line for line in lines if line.entity in tags]
    # Juju shows the last ten lines when it is asked for no number and follows; all with --replay.
    count = words.number("limit", 0) or words.number("lines", 0)
    shown = lines[-count:] if count else lines
    text = "\n".join(views.log_line(line) for line in shown)
    return Reply(text=text)
