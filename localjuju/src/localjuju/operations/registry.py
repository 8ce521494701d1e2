"""The verbs by name, as the controller does them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from localjuju.model import JujuError, Model
from localjuju.wire import Reply, Request

if TYPE_CHECKING:
    from localjuju.controller import Controller

Operation = Callable[["Controller", Request], Awaitable[Reply]]

_OPERATIONS: dict[str, Operation] = {}


def operation(*verbs: str) -> Callable[[Operation], Operation]:
    """Register a function as what some verbs do."""

    def register(function: Operation) -> Operation:
        for verb in verbs:
            _OPERATIONS[verb] = function
        return function

    return register


async def run(controller: Controller, request: Request) -> Reply:
    """Do what a request asks for.

    Raises:
        JujuError: If it is refused; then nothing has changed.
    """
    return await _OPERATIONS[request.verb](controller, request)


def model_of(controller: Controller, request: Request) -> Model:
    """Return the model that a request is about."""
    if not request.model:
        raise JujuError(
            "No selected model.\n\nThere is no current model; name one with -m, or choose one "
            'with "juju switch".'
        )
    return controller.model(request.model)


def key_values(words: list[str]) -> dict[str, str]:
    """Return ``key=value`` words as a mapping.

    Raises:
        JujuError: If one is not of that form.
    """
    for word in words:
        if "=" not in word:
            raise JujuError(f'expected "key=value", got "{word}"', 2)
    return dict(word.split("=", 1) for word in words)
