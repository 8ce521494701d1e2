"""Options as Juju reads them."""

from __future__ import annotations

import pytest

from localjuju.flags import Flag, UsageError, by_spelling, parse

FLAGS = by_spelling(
    (Flag("num-units", "int", short="n"), Flag("force", "bool"), Flag("config", "list"))
)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["-n", "3", "app"], id="short"),
        pytest.param(["-n3", "app"], id="glued"),
        pytest.param(["app", "--num-units", "3"], id="after the argument"),
        pytest.param(["--num-units=3", "app"], id="with an equals sign"),
    ],
)
def test_a_number(words: list[str]) -> None:
    """A number is read in every spelling."""
    parsed = parse(words, FLAGS)
    assert (parsed.number("num-units", 1), parsed.args) == (3, ["app"])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param(["--nosuch"], "option provided but not defined: --nosuch", id="long"),
        pytest.param(["-z"], "option provided but not defined: -z", id="short"),
        pytest.param(["--config"], "option needs an argument: --config", id="no value"),
        pytest.param(
            ["-n", "x"],
            'invalid value "x" for option -n: strconv.ParseInt: parsing "x": invalid syntax',
            id="no number",
        ),
    ],
)
def test_refused(words: list[str], error: str) -> None:
    """What cannot be understood is refused with Juju's words."""
    with pytest.raises(UsageError) as caught:
        parse(words, FLAGS)
    assert str(caught.value) == error


def test_repeated_and_switched() -> None:
    """A list keeps every value; a switch can be put off."""
    parsed = parse(["--config", "a=1", "--config", "b=2", "--force=false"], FLAGS)
    assert (parsed.all("config"), parsed.on("force"), parsed.given("force")) == (
        ["a=1", "b=2"],
        False,
        True,
    )


def test_what_follows_a_double_dash() -> None:
    """After ``--`` nothing is an option."""
    assert parse(["--force", "--", "ls", "-l"], FLAGS).args == ["ls", "-l"]


def test_not_interspersed() -> None:
    """Where another command follows, its options are left to it."""
    parsed = parse(["unit/0", "ls", "--force"], FLAGS, interspersed=False)
    assert (parsed.args, parsed.on("force")) == (["unit/0", "ls", "--force"], False)
