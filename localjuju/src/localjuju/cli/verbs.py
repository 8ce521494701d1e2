"""The verbs of the command line: which options and how many arguments each takes."""

from __future__ import annotations

from typing import NamedTuple

from localjuju.flags import Flag

MODEL = Flag("model", short="m")
FORMAT = Flag("format")
OUTPUT = Flag("output", short="o")
NO_PROMPT = Flag("no-prompt", "bool")
FORCE = Flag("force", "bool")
NO_WAIT = Flag("no-wait", "bool")
CONTROLLER = Flag("controller", short="c")
CONFIG = Flag("config", "list")


class Verb(NamedTuple):
    """One verb."""

    usage: str
    flags: tuple[Flag, ...] = ()
    least: int = 0
    """How many arguments it needs at least."""
    most: int | None = None
    missing: str = ""
    """What Juju says when there are too few."""
    interspersed: bool = True
    in_model: bool = True
    """Whether it is about a model, and takes ``-m``."""
    formats: bool = False
    """Whether it takes ``--format``."""
    default_format: str = "tabular"

    @property
    def all_flags(self) -> tuple[Flag, ...]:
        """Its options, with those that many verbs have."""
        flags = self.flags
        if self.in_model:
            flags += (MODEL,)
        if self.formats:
            flags += (FORMAT, OUTPUT)
        return flags


def _not_here(*names: str) -> tuple[Flag, ...]:
    """Options that Juju has and localjuju has not: refused by name, not as unknown."""
    return tuple(Flag(name, "refused") for name in names)


def _verb(
    usage: str,
    *flags: Flag,
    least: int = 0,
    most: int | None = None,
    missing: str = "",
    formats: str = "",
    interspersed: bool = True,
    in_model: bool = True,
) -> Verb:
    return Verb(
        usage,
        flags,
        least,
        most,
        missing,
        interspersed,
        in_model,
        bool(formats),
        formats or "tabular",
    )


_REMOVING = (NO_PROMPT, FORCE, NO_WAIT, Flag("destroy-storage", "bool"), Flag("dry-run", "bool"))
_CONFIRMING = (NO_PROMPT, Flag("yes", "bool", short="y"))
_SECRET = (Flag("file"), Flag("info"))
_RUNNING = (Flag("wait"), Flag("background", "bool"), Flag("utc", "bool"))

VERBS: dict[str, Verb] = {
    "version": _verb("version [--all]", Flag("all", "bool"), formats="smart", in_model=False),
    "bootstrap": _verb(
        "bootstrap [CLOUD] [CONTROLLER]",
        Flag("no-switch", "bool"),
        CONFIG,
        Flag("bootstrap-base"),
        Flag("bootstrap-constraints", "list"),
        Flag("constraints", "list"),
        Flag("model-default", "list"),
        *_not_here(
            "add-model",
            "agent-version",
            "bootstrap-image",
            "controller-charm-path",
            "credential",
            "keep-broken",
            "metadata-source",
            "storage-pool",
            "to",
        ),
        in_model=False,
        most=2,
    ),
    "controllers": _verb("controllers", formats="tabular", in_model=False),
    "show-controller": _verb("show-controller [NAME]", formats="yaml", in_model=False, most=1),
    "destroy-controller": _verb(
        "destroy-controller NAME",
        *_CONFIRMING,
        FORCE,
        NO_WAIT,
        Flag("destroy-all-models", "bool"),
        Flag("destroy-storage", "bool"),
        least=1,
        most=1,
        missing="no controller specified",
        in_model=False,
    ),
    "kill-controller": _verb(
        "kill-controller NAME",
        *_CONFIRMING,
        Flag("timeout", short="t"),
        least=1,
        most=1,
        missing="no controller specified",
        in_model=False,
    ),
    "whoami": _verb("whoami", formats="tabular", in_model=False),
    "add-model": _verb(
        "add-model NAME [CLOUD]",
        Flag("no-switch", "bool"),
        CONFIG,
        CONTROLLER,
        Flag("credential"),
        least=1,
        most=2,
        missing="model name is required",
        in_model=False,
    ),
    "destroy-model": _verb(
        "destroy-model NAME",
        *_CONFIRMING,
        FORCE,
        NO_WAIT,
        Flag("destroy-storage", "bool"),
        Flag("release-storage", "bool"),
        Flag("timeout", short="t"),
        least=1,
        most=1,
        missing="no model specified",
        in_model=False,
    ),
    "models": _verb("models", CONTROLLER, Flag("all", "bool"), formats="tabular", in_model=False),
    "switch": _verb("switch [CONTROLLER:][MODEL]", most=1, in_model=False),
    "show-model": _verb("show-model [NAME…]", formats="yaml"),
    "model-config": _verb("model-config [KEY[=VALUE]…]", Flag("reset", "list"), formats="tabular"),
    "model-constraints": _verb("model-constraints", formats="constraints"),
    "set-model-constraints": _verb("set-model-constraints KEY=VALUE…"),
    "deploy": _verb(
        "deploy CHARM [NAME]",
        Flag("num-units", "int", short="n"),
        CONFIG,
        Flag("resource", "list"),
        Flag("trust", "bool"),
        Flag("base"),
        Flag("constraints", "list"),
        Flag("channel"),
        FORCE,
        *_not_here(
            "attach-storage",
            "bind",
            "device",
            "map-machines",
            "overlay",
            "revision",
            "series",
            "storage",
            "to",
        ),
        least=1,
        most=2,
        missing="no charm or bundle specified",
    ),
    "refresh": _verb(
        "refresh NAME --path PATH",
        Flag("path"),
        CONFIG,
        Flag("resource", "list"),
        Flag("trust", "bool"),
        Flag("base"),
        Flag("channel"),
        FORCE,
        Flag("force-base", "bool"),
        Flag("force-units", "bool"),
        *_not_here("bind", "revision", "storage", "switch"),
        least=1,
        most=1,
        missing="no application specified",
    ),
    "integrate": _verb("integrate APP[:ENDPOINT] APP[:ENDPOINT]", *_not_here("via")),
    "relate": _verb("relate APP[:ENDPOINT] APP[:ENDPOINT]", *_not_here("via")),
    "remove-relation": _verb("remove-relation APP[:ENDPOINT] APP[:ENDPOINT] | ID", FORCE),
    "add-unit": _verb(
        "add-unit APP",
        Flag("num-units", "int", short="n"),
        *_not_here("attach-storage", "to"),
        least=1,
        most=1,
        missing="no application specified",
    ),
    "remove-unit": _verb(
        "remove-unit UNIT…",
        *_REMOVING,
        Flag("num-units", "int"),
        least=1,
        missing="no units specified",
    ),
    "scale-application": _verb("scale-application APP N", least=2, most=2),
    "remove-application": _verb(
        "remove-application APP…", *_REMOVING, least=1, missing="no application specified"
    ),
    "config": _verb(
        "config APP [KEY[=VALUE]…]",
        Flag("reset", "list"),
        Flag("file"),
        least=1,
        missing="no application name specified",
        formats="yaml",
    ),
    "trust": _verb("trust APP", Flag("remove", "bool"), Flag("scope"), least=1, most=1),
    "expose": _verb("expose APP", least=1, most=1, missing="no application name specified"),
    "unexpose": _verb("unexpose APP", least=1, most=1, missing="no application name specified"),
    "attach-resource": _verb("attach-resource APP NAME=FILE", least=2),
    "run": _verb("run UNIT… ACTION [KEY=VALUE…]", *_RUNNING, Flag("params"), formats="plain"),
    "exec": _verb(
        "exec --unit UNIT -- COMMAND",
        *_RUNNING,
        Flag("unit", "list", short="u"),
        Flag("application", "list", short="a"),
        Flag("machine", "list"),
        Flag("all", "bool"),
        formats="plain",
    ),
    "actions": _verb(
        "actions APP",
        Flag("schema", "bool"),
        least=1,
        most=1,
        missing="no application specified",
        formats="default",
    ),
    "operations": _verb("operations", formats="yaml"),
    "show-operation": _verb("show-operation ID", least=1, most=1, formats="yaml"),
    "show-task": _verb(
        "show-task ID",
        Flag("wait"),
        least=1,
        most=1,
        missing="no task ID specified",
        formats="plain",
    ),
    "ssh": _verb(
        "ssh UNIT [COMMAND]",
        Flag("no-host-key-checks", "bool"),
        Flag("pty", "bool"),
        *_not_here("container", "proxy"),
        least=1,
        interspersed=False,
        missing="no target name specified",
    ),
    "scp": _verb(
        "scp SOURCE DESTINATION",
        Flag("no-host-key-checks", "bool"),
        Flag("r", "bool"),
        *_not_here("container", "proxy"),
        least=2,
        missing="at least two arguments required",
    ),
    "status": _verb(
        "status [APP…]",
        Flag("relations", "bool"),
        Flag("integrations", "bool"),
        Flag("color", "bool"),
        Flag("no-color", "bool"),
        Flag("storage", "bool"),
        formats="tabular",
    ),
    "show-unit": _verb(
        "show-unit UNIT…",
        Flag("endpoint"),
        Flag("related-unit"),
        Flag("app", "bool"),
        least=1,
        missing="an unit name must be supplied",
        formats="yaml",
    ),
    "show-application": _verb(
        "show-application APP…",
        least=1,
        missing="an application name must be supplied",
        formats="yaml",
    ),
    "add-secret": _verb("add-secret NAME KEY=VALUE…", *_SECRET, least=1),
    "update-secret": _verb(
        "update-secret NAME KEY=VALUE…",
        *_SECRET,
        Flag("name"),
        Flag("auto-prune", "bool"),
        least=1,
    ),
    "remove-secret": _verb("remove-secret NAME", Flag("revision", "int"), least=1, most=1),
    "grant-secret": _verb(
        "grant-secret NAME APP[,APP…]", least=2, missing="missing secret URI or application name"
    ),
    "revoke-secret": _verb(
        "revoke-secret NAME APP[,APP…]", least=2, missing="missing secret URI or application name"
    ),
    "secrets": _verb("secrets", Flag("owner"), formats="tabular"),
    "show-secret": _verb(
        "show-secret NAME",
        Flag("reveal", "bool"),
        Flag("revisions", "bool"),
        Flag("revision", "int", short="r"),
        least=1,
        most=1,
        formats="yaml",
    ),
    "resolve": _verb("resolve UNIT…", Flag("no-retry", "bool"), Flag("all", "bool")),
    "resolved": _verb("resolved UNIT…", Flag("no-retry", "bool"), Flag("all", "bool")),
    "debug-log": _verb(
        "debug-log",
        Flag("limit", "int"),
        Flag("lines", "int", short="n"),
        Flag("replay", "bool"),
        Flag("no-tail", "bool"),
        Flag("include", "list", short="i"),
        Flag("level", short="l"),
        Flag("date", "bool"),
        Flag("utc", "bool"),
        Flag("ms", "bool"),
    ),
    "offer": _verb(
        "offer [MODEL.]APP:ENDPOINT[,…] [NAME]", CONTROLLER, least=1, most=2, in_model=False
    ),
    "offers": _verb(
        "offers [NAME]",
        Flag("active-only", "bool"),
        Flag("application"),
        Flag("allowed-consumer"),
        Flag("connected-user"),
        Flag("interface", "refused"),
        most=1,
        formats="tabular",
    ),
    "show-offer": _verb("show-offer URL", least=1, most=1, formats="tabular", in_model=False),
    "find-offers": _verb("find-offers [MODEL]", most=1, formats="yaml", in_model=False),
    "remove-offer": _verb("remove-offer URL…", *_CONFIRMING, FORCE, least=1, in_model=False),
    "consume": _verb("consume URL [NAME]", least=1, most=2),
    "remove-saas": _verb("remove-saas NAME…", FORCE, NO_WAIT, least=1),
    "local kill-hook": _verb(
        "local kill-hook UNIT [--at N] [--hook NAME]",
        Flag("at", "int"),
        Flag("hook"),
        least=1,
        most=1,
    ),
    "local stop": _verb("local stop UNIT", least=1, most=1),
    "local start": _verb("local start UNIT", least=1, most=1),
    "local cut-off": _verb("local cut-off UNIT", least=1, most=1),
    "local reconnect": _verb("local reconnect UNIT", least=1, most=1),
    "local lead": _verb("local lead UNIT", least=1, most=1),
    "local expiry": _verb("local expiry [exact|juju-4.0|lost]", most=1),
    "local advance-expiry": _verb("local advance-expiry DURATION [SECRET]", least=1, most=2),
    "local update-status": _verb("local update-status UNIT", least=1, most=1),
    "local shim": _verb("local shim DIR", least=1, most=1, in_model=False),
    "local clean": _verb("local clean", in_model=False),
}

OTHER_SPELLINGS = {
    "list-models": "models",
    "list-controllers": "controllers",
    "list-secrets": "secrets",
    "list-offers": "offers",
    "list-actions": "actions",
    "list-operations": "operations",
    "show-status": "status",
    "remove-applications": "remove-application",
}
