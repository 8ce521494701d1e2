"""The ``juju`` command line: parse, have it done, print."""

from __future__ import annotations

import io
import os
import sys

from localjuju import home, render
from localjuju.flags import Parsed, UsageError, by_spelling, parse
from localjuju.wire import Reply

from . import client, local
from .verbs import OTHER_SPELLINGS, VERBS, Verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

INTERRUPTED = 130
"""The exit status after Ctrl-C, as a shell has it."""


def program() -> NoReturn:
    """Be the program ``juju``: run one verb, and end."""
    # Who has closed one, as ``2>&-`` does, wants nothing of it: Python has None in its place.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (to the end)
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (to the end)
    code = main()
    # All is written. For an interpreter to take itself apart takes a tenth of what a call costs.
    sys.stderr.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a charm said in bytes that are no UTF-8 goes out as it came.
            stream.reconfigure(errors="surrogateescape")
    name, rest = _verb_name(words)
    if name in {"", "help", "--help", "-h"}:
        return _help()
    verb = VERBS.get(name)
    if verb is None:
        sys.stderr.write(f'ERROR localjuju has no "juju {name}"\n')
        return 2
    form = ""
    parsed = Parsed()
    try:
        parsed = parse(rest, by_spelling(verb.all_flags), interspersed=verb.interspersed)
        form = parsed.last("format") if verb.formats else ""
        _check(verb, parsed, form)
        reply = _do(name, verb, parsed)
    except UsageError as error:
        reply = Reply(error=str(error), code=2)
    except (client.ClientError, home.HomeError) as error:
        reply = Reply(error=str(error), code=1)
    except OSError as error:
        reply = Reply(error=f"{error.filename}: {error.strerror}", code=1)
    except KeyboardInterrupt:
        # What the controller was asked to do goes on; nobody waits for it any more.
        sys.stderr.write("\nERROR interrupted\n")
        return INTERRUPTED
    return _show(name, verb, form, reply, parsed.last("output"))


def _help() -> int:
    lines = ["usage: juju VERB", "", *(f"  juju {verb.usage}" for verb in VERBS.values())]
    _write("\n".join(lines) + "\n")
    return 0


def _verb_name(words: list[str]) -> tuple[str, list[str]]:
    if not words:
        return "", []
    if words[0] == "local":
        return " ".join(words[:2]), words[2:]
    return OTHER_SPELLINGS.get(words[0], words[0]), words[1:]


def _check(verb: Verb, words: Parsed, form: str) -> None:
    if form and form not in {"json", "yaml", verb.default_format}:
        raise UsageError(f'invalid value "{form}" for option --format: unknown format "{form}"')
    if len(words.args) < verb.least:
        raise UsageError(verb.missing or f"usage: juju {verb.usage}")
    if verb.most is not None and len(words.args) > verb.most:
        extra = ",".join(f'"{word}"' for word in words.args[verb.most :])
        raise UsageError(f"unrecognized args: [{extra}]")


def _do(name: str, verb: Verb, words: Parsed) -> Reply:
    if name in local.WITHOUT_FOCUS:
        return local.WITHOUT_FOCUS[name](words)
    focus = client.Focus()
    if name in local.WITH_FOCUS:
        return local.WITH_FOCUS[name](words, focus)
    controller, model = _target(name, verb, words, focus)
    if name in local.IN_UNIT:
        return local.IN_UNIT[name](words, controller, model)
    try:
        reply = client.ask(controller, name, words, model=model, progress=_progress)
    except client.EndedError:
        if name != "add-model":
            raise
        # The last model of a controller that nobody asked for was destroyed just now.
        client.wait_until_gone(controller)
        controller = _controller_for_new_model(words.last("controller"), focus)
        reply = client.ask(controller, name, words, progress=_progress)
    if reply.code == 0:
        _refocus(name, words, focus, controller)
    if name == "models":
        reply.data["current-model"] = focus.model_on(controller)
    return reply


def _target(name: str, verb: Verb, words: Parsed, focus: client.Focus) -> tuple[str, str]:
    """The controller and the model that a verb is about."""
    if name in {"destroy-controller", "kill-controller", "show-controller"} and words.args:
        if words.args[0] not in client.controllers():
            raise client.ClientError(f"controller {words.args[0]} not found")
        return words.args[0], ""
    if name == "add-model":
        return _controller_for_new_model(words.last("controller"), focus), ""
    if name in {"destroy-model", "show-model"} and words.args:
        return focus.resolve(words.args[0])
    if verb.in_model:
        return focus.resolve(words.last("model"))
    controller = words.last("controller") or focus.controller
    return controller, focus.model_on(controller)


def _controller_for_new_model(wanted: str, focus: client.Focus) -> str:
    """The controller that is to have a new model; one is started if there is none at all."""
    if wanted:
        return wanted
    try:
        return focus.controller
    except client.NoControllerError:
        client.start(client.DEFAULT_CONTROLLER, ends_by_itself=True)
        return client.DEFAULT_CONTROLLER


def _refocus(name: str, words: Parsed, focus: client.Focus, controller: str) -> None:
    if name == "add-model" and not words.on("no-switch"):
        focus.choose(controller, words.args[0])
    elif name == "destroy-model":
        focus.forget(controller, client.short_name(words.args[0]))
        client.wait_until_gone(controller)
    elif name in {"destroy-controller", "kill-controller"}:
        focus.forget(controller)
        client.wait_until_gone(controller)


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _show(name: str, verb: Verb, form: str, reply: Reply, output: str) -> int:
    for note in reply.notes:
        sys.stderr.write(f"{note}\n")
    text = ""
    if reply.data is not None or reply.text is not None:
        text = render.reply(name, reply, form or verb.default_format)
    elif reply.code == 1 and (form == "json" or name in {"config", "show-unit"}):
        # Juju prints an empty object where it has nothing to print as JSON; but not when it did
        # not understand the command line.
        text = "{}"
    if text and not text.endswith("\n"):
        text += "\n"
    if output:
        with open(output, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    else:
        _write(text)
    if reply.error:
        sys.stderr.write(f"{reply.question}ERROR {reply.error}\n")
    return reply.code


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. What is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
