"""Values of options: what a charm's metadata and a command line may give."""

from __future__ import annotations

from typing import Any

import pytest

from localjuju.model import JujuError, parse_charm
from localjuju.model.values import parse_config


def _options(**options: dict[str, Any]) -> Any:
    return parse_charm({"name": "c", "config": {"options": options}})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "1.0"),
        ("int", "1_000"),
        ("int", " 1"),
        ("int", str(2**63)),
        ("float", "NaN"),
        ("float", "inf"),
        ("float", "-Infinity"),
        ("float", "1e999"),
        ("float", "1_0.0"),
        ("float", " 1.0"),
        ("float", ""),
        ("boolean", "yes"),
    ],
)
def test_value_refused(kind: str, text: str) -> None:
    """What Go would not read, and numbers that JSON cannot tell, are refused in Juju's words."""
    charm = _options(x={"type": kind})
    with pytest.raises(JujuError) as caught:
        parse_config(charm, {"x": text})
    assert caught.value.message == f'option "x" expected {kind}, got "{text}"'


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "-9223372036854775808", -(2**63)),
        ("float", "1", 1.0),
        ("float", "-.5e-3", -0.0005),
        ("boolean", "T", True),
    ],
)
def test_value_taken(kind: str, text: str, value: object) -> None:
    """Values are what Go would read."""
    charm = _options(x={"type": kind})
    assert parse_config(charm, {"x": text}) == {"x": value}


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("int", "1"),
        ("int", True),
        ("float", float("nan")),
        ("boolean", "true"),
        ("string", 1),
        ("secret", 1),
    ],
)
def test_default_of_the_wrong_type(kind: str, default: object) -> None:
    """A charm whose default is none of its option's type is refused, with the option's name."""
    with pytest.raises(JujuError, match=f'invalid config default: option "x" expected {kind}'):
        _options(x={"type": kind, "default": default})


def test_default_taken() -> None:
    """A whole number is a float as well."""
    assert _options(x={"type": "float", "default": 1}).options["x"].default == 1
