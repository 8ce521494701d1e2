"""Both charms' charmcraft.yaml: valid to charmcraft, complete, and in step with the code."""

from __future__ import annotations

import pathlib

import pytest
from charmcraft.models.project import PlatformCharm

import demo_requirer.config
import self_signed_provider.config
from tests.unit.recipes import recipe

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGS = {
    "self-signed-provider": self_signed_provider.config.ProviderConfig,
    "demo-requirer": demo_requirer.config.RequirerConfig,
}

both = pytest.mark.parametrize("charm", CONFIGS)


@both
@pytest.mark.filterwarnings("ignore:The 'charmhub' field:DeprecationWarning")
def test_valid(charm: str) -> None:
    """Charmcraft's own models accept it."""
    assert PlatformCharm.unmarshal(recipe(charm)).name == charm


@both
@pytest.mark.parametrize("key", ["title", "summary", "description", "links", "assumes"])
def test_described(charm: str, key: str) -> None:
    """What an operator sees on Charmhub is there."""
    assert recipe(charm)[key]


@both
def test_has_an_icon(charm: str) -> None:
    """The icon that is packed exists."""
    assert "<svg" in (ROOT / "charms" / charm / "icon.svg").read_text()
    assert "icon.svg" in str(recipe(charm)["parts"])


@both
def test_endpoints_are_described(charm: str) -> None:
    """Every endpoint says whether it is optional, and what it is for."""
    described = recipe(charm)
    for role in ("provides", "requires", "peers"):
        for name, endpoint in described.get(role, {}).items():
            assert isinstance(endpoint.get("optional"), bool), name
            assert endpoint.get("description"), name


@both
def test_actions_take_nothing_that_is_not_declared(charm: str) -> None:
    """Actions refuse unknown parameters, and each parameter is described."""
    for name, action in recipe(charm)["actions"].items():
        assert action["description"], name
        assert action["additionalProperties"] is False, name
        for parameter, schema in action.get("params", {}).items():
            assert schema["description"], f"{name} {parameter}"


@both
def test_options_are_those_that_the_code_reads(charm: str) -> None:
    """Each option is read by the code, each field of the code is an option, all are described."""
    options = recipe(charm)["config"]["options"]
    fields = {name.replace("_", "-") for name in CONFIGS[charm].model_fields}
    assert set(options) == fields
    assert all(option["description"] for option in options.values())


@both
def test_defaults_are_the_codes_defaults(charm: str) -> None:
    """The defaults that charmcraft.yaml gives make the same configuration as none at all."""
    options = recipe(charm)["config"]["options"]
    given = {n.replace("-", "_"): o["default"] for n, o in options.items() if "default" in o}
    assert CONFIGS[charm].model_validate(given) == CONFIGS[charm]()
