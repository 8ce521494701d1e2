"""The Terraform modules: read as Terraform reads them, and in step with the charms."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import hcl2
import pytest

from tests.unit.recipes import recipe

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHARMS = ("self-signed-provider", "demo-requirer")
MODULES = [*(f"charms/{charm}/terraform" for charm in CHARMS), "terraform"]
EXAMPLE = "terraform/example"
INPUTS = {
    *("app_name", "base", "channel", "config", "constraints", "model_uuid", "revision", "units"),
}
"""What modules for charms take, by the charm community's convention."""

each_module = pytest.mark.parametrize("module", MODULES)
each_charm = pytest.mark.parametrize("charm", CHARMS)
Blocks = dict[str, dict[str, Any]]


def read(module: str) -> dict[str, list[Any]]:
    """Return the blocks of all files of a module, by their kind."""
    blocks: dict[str, list[Any]] = {}
    for path in sorted((ROOT / module).glob("*.tf")):
        with path.open() as file:
            for kind, found in plain(hcl2.load(file)).items():
                blocks.setdefault(kind, []).extend(found)
    return blocks


def plain(value: Any) -> Any:
    """Return what was parsed without the parser's marks: quotes around text, notes in blocks."""
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items() if not k.startswith("__")}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.removeprefix('"').removesuffix('"') if isinstance(value, str) else value


def named(blocks: list[Blocks]) -> Blocks:
    """Return blocks of one kind by their names."""
    return {name: block for one in blocks for name, block in one.items()}


@each_module
@pytest.mark.parametrize("kind", ["variable", "output"])
def test_described(module: str, kind: str) -> None:
    """Every variable and every output says what it is."""
    for name, block in named(read(module)[kind]).items():
        assert block.get("description"), name


@each_module
def test_variables_have_a_type(module: str) -> None:
    """Every variable has a type, and a default unless it is the model."""
    for name, block in named(read(module)["variable"]).items():
        assert block.get("type"), name
        assert ("default" in block) is (name != "model_uuid"), name


@each_module
def test_provider_has_model_uuids(module: str) -> None:
    """The provider for Juju is one that has `model_uuid`, which came with version 1."""
    (terraform,) = read(module)["terraform"]
    (providers,) = terraform["required_providers"]
    assert providers["juju"]["source"] == "juju/juju"
    assert providers["juju"]["version"].startswith(">= 1.")


@each_module
def test_variables_are_those_that_are_used(module: str) -> None:
    """What is read is declared, and what is declared is read."""
    blocks = read(module)
    used = set(re.findall(r"var\.(\w+)", str(blocks)))
    assert used == named(blocks["variable"]).keys()


@each_charm
def test_inputs_are_the_conventional_ones(charm: str) -> None:
    """A module takes what all modules for charms take."""
    assert named(read(f"charms/{charm}/terraform")["variable"]).keys() == INPUTS


@each_charm
@pytest.mark.parametrize("role", ["provides", "requires"])
def test_endpoints_are_the_charms(charm: str, role: str) -> None:
    """The endpoints that a module puts out are all that the charm has."""
    endpoints = named(read(f"charms/{charm}/terraform")["output"])[role]["value"]
    assert endpoints == {name.replace("-", "_"): name for name in recipe(charm).get(role, {})}


@each_charm
def test_deploys_the_charm_on_its_base(charm: str) -> None:
    """The application is of this charm, and its base is one that it is packed for."""
    blocks = read(f"charms/{charm}/terraform")
    (application,) = named(blocks["resource"])["juju_application"].values()
    assert application["charm"][0]["name"] == charm
    base = named(blocks["variable"])["base"]["default"]
    assert any(platform.startswith(f"{base}:") for platform in recipe(charm)["platforms"])


@each_charm
def test_pair_passes_everything_on(charm: str) -> None:
    """The pair's module gives each charm's all its variables, and takes them all."""
    blocks, name = read("terraform"), charm.replace("-", "_")
    module = named(blocks["module"])[name]
    assert module.keys() - {"source"} == INPUTS
    taken = set(re.findall(r"(\w+) = optional\(", named(blocks["variable"])[name]["type"]))
    assert taken == INPUTS - {"model_uuid"}
    assert (ROOT / "terraform" / module["source"]).resolve() == ROOT / f"charms/{charm}/terraform"


def test_pair_is_related_at_endpoints_that_exist() -> None:
    """The pair's relations are between outputs that the charms' modules have."""
    used = set(re.findall(r"module\.(\w+)\.(provides|requires)\.(\w+)", str(read("terraform"))))
    assert used
    for charm, role, endpoint in used:
        outputs = named(read(f"charms/{charm.replace('_', '-')}/terraform")["output"])
        assert endpoint in outputs[role]["value"], (charm, endpoint)


def test_example_sets_what_exists() -> None:
    """The example sets variables that the module has, to options that the charms have."""
    given = named(read(EXAMPLE)["module"])["tls"]
    assert (ROOT / EXAMPLE / given["source"]).resolve() == ROOT / "terraform"
    assert given.keys() - {"source"} <= named(read("terraform")["variable"]).keys()
    for charm in CHARMS:
        for_charm = given[charm.replace("-", "_")]
        assert for_charm.keys() <= INPUTS
        assert for_charm["config"].keys() <= recipe(charm)["config"]["options"].keys()
