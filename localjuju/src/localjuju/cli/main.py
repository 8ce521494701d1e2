"""The ``juju`` command line: parse, have it done, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .. import home, render
from ..flags import Parsed, UsageError, parse
from ..model.errors import JujuError
from ..wire import Reply
from . import client, local
from .verbs import OTHER_SPELLINGS, VERBS, Verb

OURS = {"version", "bootstrap", "controllers", "whoami", "switch", "ssh", "scp"}
"""Verbs that need no controller, or ask it something else."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    name, rest = _verb_name(words)
    if name in {"", "help", "--help", "-h"}:
        print("\n".join(["usage: juju VERB", "", *(f"  juju {v.usage}" for v in VERBS.values())]))
        return 0
    verb = VERBS.get(name)
    if verb is None:
        print(f'ERROR localjuju has no "juju {name}"', file=sys.stderr)
        return 2
    form = ""
    try:
        parsed = parse(rest, verb.all_flags, interspersed=verb.interspersed)
        form = parsed.last("format", "") if verb.formats else ""
        _check(verb, parsed, form)
        reply = _do(name, verb, parsed)
    except UsageError as error:
        return _show(verb, form, Reply(error=str(error), code=2))
    except (client.ClientError, home.HomeError, JujuError) as error:
        return _show(verb, form, Reply(error=str(error), code=getattr(error, "code", 1)))
    return _show(verb, form, reply, parsed)


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
    if name == "version":
        return local.version(words)
    if name == "local shim":
        return local.shim(words)
    if name == "local clean":
        return local.clean()
    focus = client.Focus()
    if name == "bootstrap":
        return local.bootstrap(words, focus)
    if name == "controllers":
        return local.controllers(focus)
    if name == "whoami":
        return local.whoami(focus)
    if name == "switch":
        return local.switch(words, focus)
    controller, model = _target(name, verb, words, focus)
    if name in {"ssh", "scp"}:
        return getattr(local, name)(words, controller, model)
    reply = client.ask(controller, name, words, model=model, progress=_progress)
    if reply.code == 0:
        _refocus(name, words, focus, controller)
        if name == "models":
            reply.data["current-model"] = focus.model_on(controller)
    return reply


def _target(name: str, verb: Verb, words: Parsed, focus: client.Focus) -> tuple[str, str]:
    """The controller and the model that a verb is about."""
    if name in {"destroy-controller", "kill-controller"}:
        if words.args[0] not in client.controllers():
            raise client.ClientError(f"controller {words.args[0]} not found")
        return words.args[0], ""
    if name == "show-controller" and words.args:
        return words.args[0], ""
    if name == "add-model":
        wanted = words.last("controller")
        if not wanted and not client.controllers():
            wanted = client.DEFAULT_CONTROLLER
            client.start(wanted, ends_by_itself=True)
        return wanted or focus.controller, ""
    if name in {"destroy-model", "show-model"} and words.args:
        return focus.resolve(words.args[0])[0], ""
    if verb.in_model:
        return focus.resolve(words.last("model"))
    controller = words.last("controller") or focus.controller
    return controller, focus.resolve("")[1]


def _refocus(name: str, words: Parsed, focus: client.Focus, controller: str) -> None:
    if name == "add-model" and not words.on("no-switch"):
        focus.choose(controller, words.args[0])
    elif name == "destroy-model":
        focus.forget(controller, words.args[0].rpartition(":")[2].rpartition("/")[2])
    elif name in {"destroy-controller", "kill-controller"}:
        focus.forget(controller)


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show(verb: Verb, form: str, reply: Reply, words: Parsed | None = None) -> int:
    try:
        for note in reply.notes:
            print(note, file=sys.stderr)
        if reply.data is None and reply.text is None and reply.error and form == "json":
            # Juju prints an empty object where it was asked for JSON and has none.
            print("{}")
        elif words is not None and (reply.data is not None or reply.text is not None):
            text = render.reply(verb.usage.split()[0], reply, form or verb.default_format)
            if text and words.last("output"):
                with open(words.last("output"), "w", encoding="utf-8") as file:  # noqa: PTH123
                    file.write(text)
            elif text:
                sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. What is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if reply.error:
        print(f"ERROR {reply.error}", file=sys.stderr)
    return reply.code
