"""The verbs of the command line: which options and how many arguments each takes."""

from __future__ import annotations

from localjuju.flags import Flag

MODEL = Flag("model", short="m")
FORMAT = Flag("format")
OUTPUT = Flag("output", short="o")
NO_PROMPT = Flag("no-prompt", "bool")
FORCE = Flag("force", "bool")
NO_WAIT = Flag("no-wait", "bool")
CONTROLLER = Flag("controller", short="c")
CONFIG = Flag("config", "list")


class Verb:
    """One verb.

    Args:
        usage: How it is written.
        flags: Its own options.
        least: How many arguments it needs at least.
        most: How many it takes; None where any number is taken.
        missing: What Juju says when there are too few.
        formats: How it prints where it takes ``--format`` and none is given; empty where it takes
            none.
        interspersed: Whether options may follow the first argument.
        in_model: Whether it is about a model, and takes ``-m``.
    """

    def __init__(
        self,
        usage: str,
        *flags: Flag,
        least: int = 0,
        most: int | None = None,
        missing: str = "",
        formats: str = "",
        interspersed: bool = True,
        in_model: bool = True,
    ) -> None:
        self.usage = usage
        self.flags = flags
        self.least = least
        self.most = most
        self.missing = missing
        self.formats = bool(formats)
        self.default_format = formats or "tabular"
        self.interspersed = interspersed
        self.in_model = in_model

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


_REMOVING = (NO_PROMPT, FORCE, NO_WAIT, Flag("destroy-storage", "bool"), Flag("dry-run", "bool"))
_CONFIRMING = (NO_PROMPT, Flag("yes", "bool", short="y"))
_SECRET = (Flag("file"), Flag("info"))
_RUNNING = (Flag("wait"), Flag("background", "bool"), Flag("utc", "bool"))

VERBS: dict[str, Verb] = {
    "version": Verb("version [--all]", Flag("all", "bool"), formats="smart", in_model=False),
    "bootstrap": Verb(
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
    "controllers": Verb("controllers", formats="tabular", in_model=False),
    "show-controller": Verb("show-controller [NAME]", formats="yaml", in_model=False, most=1),
    "destroy-controller": Verb(
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
    "kill-controller": Verb(
        "kill-controller NAME",
        *_CONFIRMING,
        Flag("timeout", short="t"),
        least=1,
        most=1,
        missing="no controller specified",
        in_model=False,
    ),
    "whoami": Verb("whoami", formats="tabular", in_model=False),
    "add-model": Verb(
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
    "destroy-model": Verb(
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
    "models": Verb("models", CONTROLLER, Flag("all", "bool"), formats="tabular", in_model=False),
    "switch": Verb("switch [CONTROLLER:][MODEL]", most=1, in_model=False),
    "show-model": Verb("show-model [NAME…]", formats="yaml"),
    "model-config": Verb("model-config [KEY[=VALUE]…]", Flag("reset", "list"), formats="tabular"),
    "model-constraints": Verb("model-constraints", formats="constraints"),
    "set-model-constraints": Verb("set-model-constraints KEY=VALUE…"),
    "deploy": Verb(
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
    "refresh": Verb(
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
    "integrate": Verb("integrate APP[:ENDPOINT] APP[:ENDPOINT]", *_not_here("via")),
    "relate": Verb("relate APP[:ENDPOINT] APP[:ENDPOINT]", *_not_here("via")),
    "remove-relation": Verb("remove-relation APP[:ENDPOINT] APP[:ENDPOINT] | ID", FORCE),
    "add-unit": Verb(
        "add-unit APP",
        Flag("num-units", "int", short="n"),
        *_not_here("attach-storage", "to"),
        least=1,
        most=1,
        missing="no application specified",
    ),
    "remove-unit": Verb(
        "remove-unit UNIT…",
        *_REMOVING,
        Flag("num-units", "int"),
        least=1,
        missing="no units specified",
    ),
    "scale-application": Verb("scale-application APP N", least=2, most=2),
    "remove-application": Verb(
        "remove-application APP…", *_REMOVING, least=1, missing="no application specified"
    ),
    "config": Verb(
        "config APP [KEY[=VALUE]…]",
        Flag("reset", "list"),
        Flag("file"),
        least=1,
        missing="no application name specified",
        formats="yaml",
    ),
    "trust": Verb("trust APP", Flag("remove", "bool"), Flag("scope"), least=1, most=1),
    "expose": Verb("expose APP", least=1, most=1, missing="no application name specified"),
    "unexpose": Verb("unexpose APP", least=1, most=1, missing="no application name specified"),
    "attach-resource": Verb("attach-resource APP NAME=FILE", least=2),
    "run": Verb("run UNIT… ACTION [KEY=VALUE…]", *_RUNNING, Flag("params"), formats="plain"),
    "exec": Verb(
        "exec --unit UNIT -- COMMAND",
        *_RUNNING,
        Flag("unit", "list", short="u"),
        Flag("application", "list", short="a"),
        Flag("machine", "list"),
        Flag("all", "bool"),
        formats="plain",
    ),
    "actions": Verb(
        "actions APP",
        Flag("schema", "bool"),
        least=1,
        most=1,
        missing="no application specified",
        formats="default",
    ),
    "operations": Verb("operations", formats="yaml"),
    "show-operation": Verb("show-operation ID", least=1, most=1, formats="yaml"),
    "show-task": Verb(
        "show-task ID",
        Flag("wait"),
        least=1,
        most=1,
        missing="no task ID specified",
        formats="plain",
    ),
    "ssh": Verb(
        "ssh UNIT [COMMAND]",
        Flag("no-host-key-checks", "bool"),
        Flag("pty", "bool"),
        *_not_here("container", "proxy"),
        least=1,
        interspersed=False,
        missing="no target name specified",
    ),
    "scp": Verb(
        "scp SOURCE DESTINATION",
        Flag("no-host-key-checks", "bool"),
        Flag("r", "bool"),
        *_not_here("container", "proxy"),
        least=2,
        missing="at least two arguments required",
    ),
    "status": Verb(
        "status [APP…]",
        Flag("relations", "bool"),
        Flag("integrations", "bool"),
        Flag("color", "bool"),
        Flag("no-color", "bool"),
        Flag("storage", "bool"),
        formats="tabular",
    ),
    "show-unit": Verb(
        "show-unit UNIT…",
        Flag("endpoint"),
        Flag("related-unit"),
        Flag("app", "bool"),
        least=1,
        missing="an unit name must be supplied",
        formats="yaml",
    ),
    "show-application": Verb(
        "show-application APP…",
        least=1,
        missing="an application name must be supplied",
        formats="yaml",
    ),
    "add-secret": Verb("add-secret NAME KEY=VALUE…", *_SECRET, least=1),
    "update-secret": Verb(
        "update-secret NAME KEY=VALUE…",
        *_SECRET,
        Flag("name"),
        Flag("auto-prune", "bool"),
        least=1,
    ),
    "remove-secret": Verb("remove-secret NAME", Flag("revision", "int"), least=1, most=1),
    "grant-secret": Verb(
        "grant-secret NAME APP[,APP…]", least=2, missing="missing secret URI or application name"
    ),
    "revoke-secret": Verb(
        "revoke-secret NAME APP[,APP…]", least=2, missing="missing secret URI or application name"
    ),
    "secrets": Verb("secrets", Flag("owner"), formats="tabular"),
    "show-secret": Verb(
        "show-secret NAME",
        Flag("reveal", "bool"),
        Flag("revisions", "bool"),
        Flag("revision", "int", short="r"),
        least=1,
        most=1,
        formats="yaml",
    ),
    "resolve": Verb("resolve UNIT…", Flag("no-retry", "bool"), Flag("all", "bool")),
    "resolved": Verb("resolved UNIT…", Flag("no-retry", "bool"), Flag("all", "bool")),
    "debug-log": Verb(
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
    "offer": Verb(
        "offer [MODEL.]APP:ENDPOINT[,…] [NAME]", CONTROLLER, least=1, most=2, in_model=False
    ),
    "offers": Verb(
        "offers [NAME]",
        Flag("active-only", "bool"),
        Flag("application"),
        Flag("allowed-consumer"),
        Flag("connected-user"),
        Flag("interface", "refused"),
        most=1,
        formats="tabular",
    ),
    "show-offer": Verb("show-offer URL", least=1, most=1, formats="tabular", in_model=False),
    "find-offers": Verb("find-offers [MODEL]", most=1, formats="yaml", in_model=False),
    "remove-offer": Verb("remove-offer URL…", *_CONFIRMING, FORCE, least=1, in_model=False),
    "consume": Verb("consume URL [NAME]", least=1, most=2),
    "remove-saas": Verb("remove-saas NAME…", FORCE, NO_WAIT, least=1),
    "local kill-hook": Verb(
        "local kill-hook UNIT [--at N] [--hook NAME]",
        Flag("at", "int"),
        Flag("hook"),
        least=1,
        most=1,
    ),
    "local stop": Verb("local stop UNIT", least=1, most=1),
    "local start": Verb("local start UNIT", least=1, most=1),
    "local cut-off": Verb("local cut-off UNIT", least=1, most=1),
    "local reconnect": Verb("local reconnect UNIT", least=1, most=1),
    "local lead": Verb("local lead UNIT", least=1, most=1),
    "local expiry": Verb("local expiry [exact|juju-4.0|lost]", most=1),
    "local advance-expiry": Verb("local advance-expiry DURATION [SECRET]", least=1, most=2),
    "local update-status": Verb("local update-status UNIT", least=1, most=1),
    "local shim": Verb("local shim DIR", least=1, most=1, in_model=False),
    "local clean": Verb("local clean", in_model=False),
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
