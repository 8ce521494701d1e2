"""What runs the tests elsewhere: GitHub's workflows, and spread."""

from __future__ import annotations

import configparser
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
RECIPES = sorted((ROOT / "charms").glob("*/charmcraft.yaml"))
ISSUE_FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
BIN = pathlib.Path(sys.executable).parent
SPREAD_SYSTEM = re.compile(r"[a-z*]+-[a-z0-9*]+(?:[-.][a-z0-9*]+)*")
"""What spread accepts as a system's name."""


def load(path: pathlib.Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


@pytest.fixture
def spread() -> dict[str, Any]:
    return load(ROOT / "spread.yaml")


def systems_of(backend: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: given for system in backend["systems"] for name, given in system.items()}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_is_valid(workflow: pathlib.Path) -> None:
    """GitHub's schema of workflows accepts it."""
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(workflow))


def test_dependabot_is_valid() -> None:
    """GitHub's schema of Dependabot's configuration accepts ours."""
    configuration = str(ROOT / ".github" / "dependabot.yaml")
    check("check-jsonschema", "--builtin-schema", "vendor.dependabot", configuration)


@pytest.mark.parametrize("form", ISSUE_FORMS, ids=lambda path: path.stem)
def test_issue_form_is_valid(form: pathlib.Path) -> None:
    """GitHub's schema of forms for issues accepts it, and that of their list the list."""
    schema = "github-issue-config" if form.stem == "config" else "github-issue-forms"
    check("check-jsonschema", "--builtin-schema", f"vendor.{schema}", str(form))


def test_workflows_are_safe() -> None:
    """Zizmor finds nothing: no expression in a script, no credential left lying, no free use."""
    configuration = str(ROOT / ".github" / "zizmor.yml")
    check(
        *("zizmor", "--offline", "--no-progress", "--min-severity", "medium"),
        *("--config", configuration, *map(str, WORKFLOWS)),
    )


def test_workflows_by_actionlint() -> None:
    """Actionlint, where it is installed, finds nothing: it reads expressions and scripts too."""
    if shutil.which("actionlint") is None:
        pytest.skip("there is none: go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")
    check("actionlint", *map(str, WORKFLOWS))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_least_permissions(workflow: pathlib.Path) -> None:
    """A workflow may do nothing, and a job no more than read what is checked out."""
    described = load(workflow)
    assert described["permissions"] == {}
    for name, job in described["jobs"].items():
        assert job.get("permissions") == {"contents": "read"}, name


def test_every_night_on_each_cloud_and_juju(spread: dict[str, Any]) -> None:
    """The nightly matrix is just what spread has systems for."""
    jobs = load(ROOT / ".github" / "workflows" / "integration.yaml")["jobs"]
    matrix = jobs["integration"]["strategy"]["matrix"]
    nightly = {f"ubuntu-24.04-{c}-juju-{j}" for c in matrix["cloud"] for j in matrix["juju"]}
    assert nightly == systems_of(spread["backends"]["ci"]).keys()
    assert {"lxd", "microk8s"} == set(matrix["cloud"])
    assert {"3.6", "4.0"} == set(matrix["juju"])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_every_platform_is_packed(recipe: pathlib.Path) -> None:
    """What charmcraft.yaml names is packed, a job for each processor, and each base is tested."""
    platforms = [name.split("@")[1].split(":") for name in load(recipe)["platforms"]]
    jobs = load(ROOT / ".github" / "workflows" / "integration.yaml")["jobs"]
    packed = {one["processor"] for one in jobs["pack"]["strategy"]["matrix"]["include"]}
    assert packed == {processor for _, processor in platforms}
    assert set(jobs["integration"]["strategy"]["matrix"]["base"]) == {
        base for base, _ in platforms
    }


def test_spread_passes_the_base_on(spread: dict[str, Any]) -> None:
    """What the nightly matrix says of the base reaches the tests: through spread, then tox."""
    jobs = load(ROOT / ".github" / "workflows" / "integration.yaml")["jobs"]
    (run,) = (step for step in jobs["integration"]["steps"] if "CLOUD" in step.get("env", {}))
    assert run["env"]["CHARM_BASE"] == "${{ matrix.base }}"
    assert spread["environment"]["CHARM_BASE"] == '$(HOST: echo "${CHARM_BASE:-24.04}")'
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    assert {"CHARM_BASE", "CHARM_FILES"} <= set(tox["testenv"]["pass_env"].split())


def test_spread_has_a_task_for_each_module() -> None:
    """Each module of the integration tests is one of the task's variants, and no other is."""
    task = load(ROOT / "tests" / "spread" / "module" / "task.yaml")
    variants = {key.removeprefix("MODULE/"): module for key, module in task["environment"].items()}
    modules = {
        path.stem.removeprefix("test_")
        for path in (ROOT / "tests" / "integration").glob("test_*.py")
    }
    assert variants == {module: module for module in modules}


@pytest.mark.parametrize("backend", ["lxd", "ci"])
def test_spread_systems_say_what_they_are(spread: dict[str, Any], backend: str) -> None:
    """A system's name, which spread accepts, says its cloud and its Juju, and that is prepared."""
    for name, system in systems_of(spread["backends"][backend]).items():
        assert SPREAD_SYSTEM.fullmatch(name)
        cloud = system["environment"]["CLOUD"]
        juju, _, _ = system["environment"]["CONCIERGE_JUJU_CHANNEL"].partition("/")
        assert name == f"ubuntu-24.04-{cloud}-juju-{juju}"
        concierge = load(ROOT / "tests" / "spread" / f"concierge-{cloud}.yaml")
        assert concierge["providers"][cloud] == {"enable": True, "bootstrap": True}


def test_spread_scripts_are_bash(spread: dict[str, Any]) -> None:
    """Bash can read every script of spread.yaml and of its task."""
    task = load(ROOT / "tests" / "spread" / "module" / "task.yaml")
    scripts = [task["execute"]]
    scripts += [backend["allocate"] for backend in spread["backends"].values()]
    for suite in spread["suites"].values():
        scripts += [suite["prepare"], suite["debug-each"]]
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_release_needs_its_tests() -> None:
    """Nothing is released that was not tested: on localjuju, and on each cloud and Juju."""
    release = load(ROOT / ".github" / "workflows" / "release.yaml")
    called = {name: job["uses"] for name, job in release["jobs"].items() if "uses" in job}
    assert set(release["jobs"]["release"]["needs"]) == called.keys()
    assert {pathlib.Path(path).name for path in called.values()} == {
        "ci.yaml",
        "integration.yaml",
    }


def test_release_uploads_all_that_was_packed() -> None:
    """The files of each pack job go to Charmhub, and no job's take another's place."""
    workflows = ROOT / ".github" / "workflows"
    jobs = load(workflows / "integration.yaml")["jobs"]
    (stored,) = (
        step["with"] for step in jobs["pack"]["steps"] if "upload" in step.get("uses", "")
    )
    assert stored["name"] == "charms-${{ matrix.processor }}"
    steps = load(workflows / "release.yaml")["jobs"]["release"]["steps"]
    (fetched,) = (step["with"] for step in steps if "download" in step.get("uses", ""))
    assert (fetched["pattern"], fetched["merge-multiple"]) == ("charms-*", True)


def test_commits_are_checked_as_lint_checks() -> None:
    """What pre-commit runs at a commit is what `make lint` runs: ruff and codespell."""
    (repository,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    hooks = [one["entry"].removeprefix(".venv/bin/").split() for one in repository["hooks"]]
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    commands = [line.split() for line in tox["testenv:lint"]["commands"].split("\n") if line]
    assert [hook[:2] if hook[0] == "ruff" else hook[:1] for hook in hooks] == [
        command[:2] if command[0] == "ruff" else command[:1]
        for command in commands
        if command[0] != "pre-commit"
    ]


def check(program: str, *arguments: str) -> None:
    """Run a program of this environment, or of the machine; show what it says if it fails."""
    found = BIN / program
    command = [str(found) if found.exists() else program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
