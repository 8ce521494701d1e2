"""The environment in which a charm's code is run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from localjuju import JUJU_VERSION

if TYPE_CHECKING:
    from .context import HookContext


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where a unit's things are on disk."""

    charm: str
    tools: str
    """The folder of the hook tools, first on PATH."""
    socket: str
    """Where hook tools find the controller."""


def environment(context: HookContext, context_id: str, folders: Folders) -> dict[str, str]:
    """Return the variables that Juju sets for a run, all ``JUJU_*`` and the few others.

    ``JUJU_MACHINE_ID`` is empty, unlike in Juju: there is no machine to put a service on.
    """
    unit, model = context.unit, context.model
    variables = {
        "APT_LISTCHANGES_FRONTEND": "none",
        "CHARM_DIR": folders.charm,
        "CLOUD_API_VERSION": "",
        "DEBIAN_FRONTEND": "noninteractive",
        "JUJU_AGENT_SOCKET_ADDRESS": folders.socket,
        "JUJU_AGENT_SOCKET_NETWORK": "unix",
        "JUJU_API_ADDRESSES": "",
        "JUJU_AVAILABILITY_ZONE": "",
        "JUJU_CHARM_DIR": folders.charm,
        "JUJU_CHARM_FTP_PROXY": "",
        "JUJU_CHARM_HTTPS_PROXY": "",
        "JUJU_CHARM_HTTP_PROXY": "",
        "JUJU_CHARM_NO_PROXY": "127.0.0.1,localhost,::1",
        "JUJU_CHARM_TRACE_CONFIG_CA_CERT": "",
        "JUJU_CHARM_TRACE_CONFIG_GRPC": "",
        "JUJU_CHARM_TRACE_CONFIG_HTTP": "",
        "JUJU_CONTEXT_ID": context_id,
        "JUJU_HOOK_NAME": "",
        "JUJU_MACHINE_ID": "",
        "JUJU_MODEL_NAME": model.name,
        "JUJU_MODEL_UUID": model.uuid,
        "JUJU_PRINCIPAL_UNIT": "",
        "JUJU_UNIT_NAME": unit.name,
        "JUJU_VERSION": JUJU_VERSION,
        "LANG": "C.UTF-8",
        "TERM": "tmux-256color",
    }
    return {**variables, **_of_hook(context), **_of_task(context)}


def _of_hook(context: HookContext) -> dict[str, str]:
    hook = context.hook
    if hook is None:
        return {}
    variables = {"JUJU_HOOK_NAME": hook.name, "JUJU_DISPATCH_PATH": f"hooks/{hook.name}"}
    if hook.relation_id is not None:
        variables |= {
            "JUJU_RELATION": hook.endpoint,
            "JUJU_RELATION_ID": f"{hook.endpoint}:{hook.relation_id}",
            "JUJU_REMOTE_APP": hook.remote_app,
            # Set and empty in hooks that are about no single unit.
            "JUJU_REMOTE_UNIT": hook.remote_unit,
        }
    if hook.departing_unit:
        variables["JUJU_DEPARTING_UNIT"] = hook.departing_unit
    if hook.secret:
        variables |= {"JUJU_SECRET_ID": hook.secret_uri, "JUJU_SECRET_LABEL": hook.secret_label}
    if hook.secret_revision is not None:
        variables["JUJU_SECRET_REVISION"] = str(hook.secret_revision)
    return variables


def _of_task(context: HookContext) -> dict[str, str]:
    task = context.task
    if task is None:
        return {}
    variables = {
        "JUJU_ACTION_NAME": task.action,
        "JUJU_ACTION_TAG": f"action-{task.id}",
        "JUJU_ACTION_UUID": task.id,
    }
    # A command of `juju exec` is no dispatch.
    return (
        variables
        if task.command
        else {**variables, "JUJU_DISPATCH_PATH": f"actions/{task.action}"}
    )
