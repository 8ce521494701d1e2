"""What a hook that changes nothing costs: the charm as a process, hook tools that count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ops import testing

from demo_requirer.supervisor import detached
from tests.unit.requirer.conftest import free_port
from tests.unit.requirer.scene import ADDRESS, CHARM

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

UNIT = "web/0"
TOOL = """\
#!/bin/sh
# Answers as it was told, and writes down what it was asked.
asked="$(basename "$0") $*"
printf '%s\\n' "$asked" >> "{root}/calls"
case "$asked" in juju-log*|status-set*|open-port*) exit 0 ;; esac
answer="{root}/answers/$(printf %s "$asked" | tr / _)"
test -e "$answer" && exec cat "$answer"
case "$asked" in secret-get*) echo 'ERROR secret not found' >&2; exit 1 ;; esac
echo "unexpected: $asked" >&2
exit 2
"""
TOOLS = (
    *("config-get", "is-leader", "juju-log", "network-get", "open-port", "opened-ports"),
    *("relation-get", "relation-ids", "relation-list", "secret-get", "secret-info-get"),
    "status-set",
)
MOST_CALLS = Counter(
    {
        "config-get": 1,
        "is-leader": 1,
        # Of ops, which the charm cannot help.
        "juju-log": 3,
        # The provider's databag, and the unit's own.
        "relation-get": 2,
        # One for each endpoint.
        "relation-ids": 3,
        "relation-list": 1,
        # The unit's key, its certificate, and what is held of it for the time after its relation.
        "secret-get": 3,
        "secret-info-get": 3,
    }
)
NOT_USED = {
    *("asyncio", "charmlibs.systemd", "jinja2", "prometheus_client", "starlette", "uvicorn"),
    *("demo_requirer.actions", "demo_requirer.server.app", "demo_requirer.server.tls"),
    "charmlibs.interfaces.certificate_transfer",
    # A look-up of the host's name.
    "encodings.idna",
    # Serializers of options, for which pydantic reads the signatures of builtins as source text.
    "pydantic.functional_serializers",
}


class Juju:
    """A charm's folder and hook tools, for a unit in a given state."""

    def __init__(self, root: pathlib.Path, state: testing.State, port: int) -> None:
        self._root = root
        self.folder = root / "agents" / "unit-web-0" / "charm"
        (root / "answers").mkdir()
        (root / "bin").mkdir()
        self.folder.mkdir(parents=True)
        for tool in TOOLS:
            (root / "bin" / tool).write_text(TOOL.format(root=root))
            (root / "bin" / tool).chmod(0o755)
        self._model = state.model
        self._write_recipe()
        self._tell(state, port)

    def run(self, hook: str) -> tuple[list[str], set[str]]:
        """Run a hook; return what was asked of Juju, and which modules were imported."""
        calls = self._root / "calls"
        calls.unlink(missing_ok=True)
        result = subprocess.run(
            [sys.executable, "-X", "importtime", CHARM / "src" / "charm.py"],
            env={
                "PATH": f"{self._root / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
                "PYTHONPATH": str(CHARM / "src"),
                "JUJU_CHARM_DIR": str(self.folder),
                "JUJU_DISPATCH_PATH": f"hooks/{hook}",
                "JUJU_MODEL_NAME": self._model.name,
                "JUJU_MODEL_UUID": self._model.uuid,
                "JUJU_UNIT_NAME": UNIT,
                "JUJU_VERSION": "4.0.0",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, calls.read_text()[-3000:]
        modules = {
            line.rpartition("|")[2].strip()
            for line in result.stderr.splitlines()
            if line.startswith("import time:")
        }
        return calls.read_text().splitlines(), modules

    def _write_recipe(self) -> None:
        recipe = yaml.safe_load((CHARM / "charmcraft.yaml").read_text())
        for name in ("actions", "config"):
            (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(recipe.pop(name)))
        (self.folder / "metadata.yaml").write_text(yaml.safe_dump({**recipe, "name": "web"}))

    def _tell(self, state: testing.State, port: int) -> None:
        self._answer("is-leader --format=json", state.leader)
        self._answer("config-get --format=json", {**state.config, "port": port})
        binding = {"bind-addresses": [{"addresses": [{"value": ADDRESS}]}]}
        self._answer("network-get --format=json certificates", binding)
        self._answer("opened-ports --format=json", [f"{port}/tcp"])
        for endpoint in ("certificates", "receive-ca-cert", "charm-tracing"):
            there = [one for one in state.relations if one.endpoint == endpoint]
            ids = [f"{endpoint}:{one.id}" for one in there]
            self._answer(f"relation-ids {endpoint} --format=json", ids)
            for name, relation in zip(ids, there, strict=True):
                assert isinstance(relation, testing.Relation)
                self._answer(f"relation-list --format=json -r {name}", ["ca/0"])
                for owner, data in (
                    ("--app - ca", relation.remote_app_data),
                    ("--app - web", relation.local_app_data),
                    (f"- {UNIT}", relation.local_unit_data),
                ):
                    self._answer(f"relation-get --format=json -r {name} {owner}", dict(data))
        for number, secret in enumerate(state.secrets):
            found = f"--format=json --label {secret.label}"
            self._answer(f"secret-get {found}", secret.latest_content)
            info = {
                "label": secret.label,
                "owner": "unit",
                "revision": 1,
                "rotation": "never",
                "expiry": secret.expire and secret.expire.isoformat(),
            }
            self._answer(f"secret-info-get {found}", {f"c{number:019d}": info})

    def _answer(self, asked: str, answer: Any) -> None:
        path = self._root / "answers" / asked.replace("/", "_")
        path.write_text(json.dumps(answer))


@pytest.fixture
def juju(tmp_path: pathlib.Path, served: testing.State) -> Iterator[Juju]:
    """A unit that has its certificate, and has settled."""
    (tmp_path / "juju").mkdir()
    made = Juju(tmp_path / "juju", served, free_port())
    try:
        made.run("config-changed")
        yield made
    finally:
        detached.DetachedSupervisor(made.folder.parent / "web-0-server").remove()


def test_asks_no_more_than_it_must(juju: Juju) -> None:
    """Each hook tool is a process: nothing is asked that cannot have changed, or said twice."""
    calls, _ = juju.run("update-status")
    assert Counter(call.split()[0] for call in calls) <= MOST_CALLS, "\n".join(calls)


def test_imports_no_more_than_it_uses(juju: Juju) -> None:
    """Neither the server's libraries, nor those of actions and of relations that are not there."""
    _, modules = juju.run("update-status")
    assert "demo_requirer.charm" in modules
    assert not modules & NOT_USED


def test_address_is_asked_again(juju: Juju) -> None:
    """Where an address may have changed it is looked at, and the status is said in any case."""
    calls, _ = juju.run("config-changed")
    tools = Counter(call.split()[0] for call in calls)
    assert tools["network-get"] == 1
    assert tools["status-set"] == 2
