"""What a verb found, as text: JSON, YAML, and tables for people."""

from __future__ import annotations

from .output import as_json, as_yaml, smart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .wire import Reply

ONLY_FOR_TABLES = "integrations"
"""What the controller adds to a model's status for the table, and Juju's JSON has not."""


def reply(verb: str, given: Reply, form: str) -> str:
    """Return what a verb prints.

    Args:
        verb: Its name.
        given: How it ended.
        form: ``json``, ``yaml``, or the verb's own default.
    """
    data: Any = given.data
    if verb == "status" and form in {"json", "yaml"}:
        data = {key: value for key, value in data.items() if key != ONLY_FOR_TABLES}
    if form == "json" and data is not None:
        return as_json(data)
    if given.text is not None or data is None:
        return given.text or ""
    if form == "yaml":
        return smart(data)
    tables = {
        "status": status,
        "models": models,
        "controllers": controllers,
        "secrets": secrets,
        "model-config": model_config,
        "offers": offers,
        "show-offer": show_offer,
        "actions": actions,
    }
    if verb in tables:
        return tables[verb](data)
    if verb in {"run", "exec"}:
        return "\n".join(f"{unit}:\n{_indent(as_yaml(task))}" for unit, task in data.items())
    return as_yaml(data)


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


NUMBERS = {"Scale", "Rev", "Revision", "Models"}
"""Columns that are set to the right."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows in columns, two spaces apart, as Juju sets them."""
    lines = [list(head), *([*row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]

    def set_cell(name: str, cell: str, width: int) -> str:
        return cell.rjust(width) if name in NUMBERS else cell.ljust(width)

    return "\n".join("  ".join(map(set_cell, head, line, widths)).rstrip() for line in lines)


def status(view: dict[str, Any]) -> str:
    """Return the table of ``juju status``."""
    model = view["model"]
    parts = [
        table(
            ["Model", "Controller", "Cloud/Region", "Version", "Timestamp", "Notes"],
            [
                [
                    model["name"],
                    model["controller"],
                    f"{model['cloud']}/{model['region']}",
                    model["version"],
                    view["controller"]["timestamp"],
                    model["model-status"]["message"],
                ]
            ],
        )
    ]
    if view.get("application-endpoints"):
        rows = [
            [name, saas["application-status"]["current"], "local", saas["url"]]
            for name, saas in view["application-endpoints"].items()
        ]
        parts.append(table(["SAAS", "Status", "Store", "URL"], rows))
    if view["applications"]:
        parts += [_applications(view), _units(view), _machines(view)]
    if view.get("offers"):
        rows = [
            [name, offer["application"], offer["charm"], ", ".join(offer["endpoints"])]
            for name, offer in view["offers"].items()
        ]
        parts.append(table(["Offer", "Application", "Charm", "Endpoint"], rows))
    if view.get(ONLY_FOR_TABLES):
        head = ["Integration provider", "Requirer", "Interface", "Type", "Message"]
        rows = [list(row.values()) for row in view[ONLY_FOR_TABLES]]
        parts.append(table(head, rows))
    if not view["applications"]:
        parts.append(f'Model "admin/{model["name"]}" is empty.')
    return "\n\n".join(part for part in parts if part)


def _applications(view: dict[str, Any]) -> str:
    rows = [
        [
            name,
            app.get("version", ""),
            app["application-status"]["current"],
            str(len(app.get("units", {}))),
            app["charm-name"],
            app.get("charm-channel", ""),
            str(app["charm-rev"]),
            "yes" if app["exposed"] else "no",
            app["application-status"].get("message", ""),
        ]
        for name, app in view["applications"].items()
    ]
    head = ["App", "Version", "Status", "Scale", "Charm", "Channel", "Rev", "Exposed", "Message"]
    return table(head, rows)


def _units(view: dict[str, Any]) -> str:
    rows = [
        [
            name + ("*" if unit.get("leader") else ""),
            unit["workload-status"]["current"],
            unit["juju-status"]["current"],
            unit["machine"],
            unit["public-address"],
            " ".join(unit.get("open-ports", [])),
            unit["workload-status"].get("message", ""),
        ]
        for app in view["applications"].values()
        for name, unit in app.get("units", {}).items()
    ]
    head = ["Unit", "Workload", "Agent", "Machine", "Public address", "Ports", "Message"]
    return table(head, rows) if rows else ""


def _machines(view: dict[str, Any]) -> str:
    rows = [
        [
            number,
            machine["juju-status"]["current"],
            machine["dns-name"],
            machine["instance-id"],
            f"{machine['base']['name']}@{machine['base']['channel']}",
            machine["machine-status"]["message"],
        ]
        for number, machine in sorted(view["machines"].items(), key=lambda pair: int(pair[0]))
    ]
    head = ["Machine", "State", "Address", "Inst id", "Base", "Message"]
    return table(head, rows) if rows else ""


def models(view: dict[str, Any]) -> str:
    """Return the table of ``juju models``."""
    rows = [
        [
            model["short-name"] + ("*" if model["short-name"] == view["current-model"] else ""),
            f"{model['cloud']}/{model['region']}",
            model["type"],
            model["status"]["current"],
            model["access"],
        ]
        for model in view["models"]
    ]
    if not rows:
        return "There are no models hosted on this controller."
    return table(["Model", "Cloud/Region", "Type", "Status", "Access"], rows)


def controllers(view: dict[str, Any]) -> str:
    """Return the table of ``juju controllers``."""
    rows = [
        [
            name + ("*" if name == view["current-controller"] else ""),
            entry["current-model"] or "-",
            entry["user"],
            entry["cloud"],
            str(entry["model-count"]),
            entry["agent-version"],
        ]
        for name, entry in view["controllers"].items()
    ]
    return table(["Controller", "Model", "User", "Cloud", "Models", "Version"], rows)


def secrets(view: dict[str, Any]) -> str:
    """Return the table of ``juju secrets``."""
    rows = [
        [
            secret_id,
            entry.get("name", "-"),
            entry["owner"],
            entry["rotation"],
            str(entry["revision"]),
            _ago(entry["updated"]),
        ]
        for secret_id, entry in view.items()
    ]
    return table(["ID", "Name", "Owner", "Rotation", "Revision", "Last updated"], rows)


def _ago(moment: str) -> str:
    """Return how long ago a moment in RFC 3339 was, as Juju says it."""
    import datetime  # noqa: PLC0415 (one table needs it)

    when = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    seconds = int((datetime.datetime.now(datetime.timezone.utc) - when).total_seconds())
    if seconds >= 24 * 3600:
        return when.date().isoformat()
    for unit, length in (("hour", 3600), ("minute", 60), ("second", 1)):
        count = seconds // length
        if count > 1 or (count == 1 and unit != "second"):
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def model_config(view: dict[str, Any]) -> str:
    """Return the table of ``juju model-config``."""
    rows = [[key, entry["Source"], smart(entry["Value"])] for key, entry in view.items()]
    return table(["Attribute", "From", "Value"], rows)


def offers(view: dict[str, Any]) -> str:
    """Return the table of ``juju offers``."""
    rows: list[list[str]] = []
    for name, offer in view.items():
        connections: list[dict[str, Any]] = offer.get("connections") or [{}]
        rows += [
            [
                name,
                connection.get("username", "-"),
                str(connection.get("relation-id", "")),
                connection.get("status", {}).get("current", ""),
                end := connection.get("endpoint", ""),
                *(offer["endpoints"].get(end, {}).get(key, "") for key in ("interface", "role")),
                "",
            ]
            for connection in connections
        ]
    heads = ["Offer", "User", "Relation ID", "Status", "Endpoint", "Interface", "Role"]
    return table([*heads, "Ingress subnets"], rows)


def show_offer(view: dict[str, Any]) -> str:
    """Return the table of ``juju show-offer``."""
    rows: list[list[str]] = []
    for place, offer in view.items():
        store, _, url = place.partition(":")
        first = [store, url, offer["access"], offer["description"]]
        for name, end in offer["endpoints"].items():
            rows.append([*first, name, end["interface"], end["role"]])
            first = ["", "", "", ""]
    heads = ["Store", "URL", "Access", "Description", "Endpoint", "Interface", "Role"]
    return table(heads, rows)


def actions(view: dict[str, Any]) -> str:
    """Return the table of ``juju actions``."""
    if not view:
        return "No actions defined."
    return table(["Action", "Description"], [[n, str(d)] for n, d in view.items()])
