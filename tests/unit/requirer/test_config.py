"""The options: what is accepted, and how a wrong one is named."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pydantic
import pytest
import yaml

from charmlibs.interfaces.tls_certificates import KeyAlgorithm
from demo_requirer.config import CertificateMode, RequirerConfig, describe

CHARM = pathlib.Path(__file__).resolve().parents[3] / "charms" / "demo-requirer"


def load(**options: Any) -> RequirerConfig:
    """Load options as Juju gives them, by their names with dashes."""
    return RequirerConfig(**{name.replace("-", "_"): value for name, value in options.items()})


def declared_defaults() -> dict[str, Any]:
    options = yaml.safe_load((CHARM / "charmcraft.yaml").read_text())["config"]["options"]
    return {name: option["default"] for name, option in options.items() if "default" in option}


def test_defaults_agree() -> None:
    """What charmcraft.yaml declares is what the code takes for no value."""
    assert load(**declared_defaults()) == RequirerConfig()


def test_read() -> None:
    """Options become values: lists of names without blanks, members of enumerations."""
    config = load(
        **{
            "mode": "app-and-unit",
            "common-name": " web.example ",
            "sans-dns": "a.example, *.b.example,",
            "sans-ip": "10.0.0.1,fd00::1",
            "key-algorithm": "ecdsa",
            "key-size": 384,
            "country-name": "DE",
        }
    )
    assert config.mode is CertificateMode.APP_AND_UNIT
    assert config.common_name == "web.example"
    assert config.sans_dns == ("a.example", "*.b.example")
    assert config.sans_ip == ("10.0.0.1", "fd00::1")
    assert config.key_algorithm is KeyAlgorithm.ECDSA
    assert config.key_size == 384


@pytest.mark.parametrize(
    "name", ["common-name", "sans-dns", "sans-ip", "organization", "email-address"]
)
def test_empty_is_none(name: str) -> None:
    """An option that is set to nothing is as one that was never set."""
    assert load(**{name: ""}) == RequirerConfig()


def test_kept_and_read_again() -> None:
    """The last good configuration survives as text."""
    config = load(**{"mode": "app", "sans-dns": "a.example,b.example", "key-algorithm": "ecdsa"})
    assert RequirerConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({"mode": "both"}, "mode must be one of unit, app, app-and-unit", id="mode"),
        pytest.param({"common-name": "a" * 65}, "common-name .* 64 are allowed", id="long name"),
        pytest.param({"sans-dns": "a b"}, "sans-dns must be names .*'a b'", id="no DNS name"),
        pytest.param({"sans-dns": "bücher.example"}, "xn--bcher-kva.example", id="U-label"),
        pytest.param({"sans-ip": "10.0.0.300"}, "sans-ip must be names .*10.0.0.300", id="no IP"),
        pytest.param({"country-name": "GER"}, "country-name .* two letters", id="country"),
        pytest.param({"email-address": "me"}, "email-address .* user@host", id="e-mail"),
        pytest.param({"organization": "a\nb"}, "organization .* control char", id="control"),
        pytest.param({"key-algorithm": "dsa"}, "key-algorithm must be one of rsa", id="alg"),
        pytest.param({"key-size": 1024}, "key-size must be one of 2048, 3072, 4096", id="weak"),
        pytest.param(
            {"key-algorithm": "ecdsa", "key-size": 2048},
            "key-size must be one of 256, 384 for ecdsa",
            id="size of another algorithm",
        ),
        pytest.param({"renewal-relative-time": 0.5}, "renewal-relative-time must be", id="early"),
        pytest.param({"renewal-relative-time": 1.1}, "renewal-relative-time must be", id="late"),
        pytest.param({"num-certificates": 0}, "num-certificates must be from 1 to 100", id="none"),
        pytest.param({"num-certificates": 101}, "num-certificates must be from 1", id="many"),
        pytest.param({"port": 0}, "port must be from 1 to 65535", id="port 0"),
        pytest.param({"port": 65536}, "port must be from 1 to 65535", id="port too high"),
    ],
)
def test_refused(options: dict[str, Any], says: str) -> None:
    """The message has the option's name as the operator types it, and what is accepted."""
    with pytest.raises(pydantic.ValidationError) as caught:
        load(**options)
    message = describe(caught.value)
    assert "Value error" not in message
    assert "\n" not in message
    assert re.search(says, message), message


def test_all_problems_are_told() -> None:
    """An operator who made two mistakes hears of both at once."""
    with pytest.raises(pydantic.ValidationError) as caught:
        load(port=0, mode="both")
    assert "port must be" in describe(caught.value)
    assert "mode must be" in describe(caught.value)
