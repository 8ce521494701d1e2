"""Lists of which one item may be more than Python's parser takes: the others are read."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from charmlibs.interfaces.tls_certificates import _lists

DEEP = "[" * 100_000 + "]" * 100_000
HUGE = "1" * 10_000
# Any of these makes Python's parser refuse the whole text.
BAD = [
    pytest.param(DEEP, id="nested"),
    pytest.param(HUGE, id="huge number"),
    pytest.param("oops", id="no JSON"),
    pytest.param("", id="nothing"),
    pytest.param('"\\x"', id="no such escape"),
]


@pytest.mark.parametrize("text", ["[", "oops", "", DEEP, HUGE])
def test_what_is_none_loads_as_none(text: str) -> None:
    """What is no JSON, or more than the parser takes, does not raise."""
    assert _lists.load(text) is None


@pytest.mark.parametrize("value", [7, "a", {"a": [1]}, [1], None, True])
def test_load(value: Any) -> None:
    """What is JSON is loaded."""
    assert _lists.load(json.dumps(value)) == value


@pytest.mark.parametrize("value", [[], [1, "a", None], [[1], {"a": 2}], ["a, b", '"', "\\", "]"]])
def test_good_list(value: list[Any]) -> None:
    """A list that Python's parser takes is what that says."""
    assert _lists.load_list(json.dumps(value)) == value


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    "item",
    [
        pytest.param(1, id="number"),
        pytest.param([1, 2, [3]], id="list"),
        pytest.param({"a": 1, "b": [{"c": 2}], "d": {}}, id="object"),
        pytest.param("a, b", id="comma in a string"),
        pytest.param('say "]}"', id="quotes and brackets in a string"),
        pytest.param("\\", id="backslash"),
        pytest.param("line\u2028end", id="other line end"),
        pytest.param("[{,", id="opening brackets in a string"),
    ],
)
def test_bad_item_among_good_ones(bad: str, item: Any) -> None:
    """Each item is loaded by itself, the bad one as None, wherever it stands."""
    good = json.dumps(item, ensure_ascii=False)
    assert _lists.load_list(f"[{bad}, {good}, {good}]") == [None, item, item]
    assert _lists.load_list(f"[{good},{bad},{good}]") == [item, None, item]
    assert _lists.load_list(f" \n[{good}, {good}, {bad}]\n ") == [item, item, None]


def test_bad_item_alone() -> None:
    """A list of one item that cannot be loaded has one."""
    assert _lists.load_list("[oops]") == [None]


def test_line_end_in_a_string() -> None:
    """A bare line end makes a string no JSON, but its brackets and commas are still its own."""
    assert _lists.load_list('["a\\\n], [", 1]') == [None, 1]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("oops", id="no brackets"),
        pytest.param("{}", id="object"),
        pytest.param("7", id="number"),
        pytest.param("null", id="null"),
        pytest.param("{oops}", id="bad object"),
        pytest.param("[oops", id="no end"),
        pytest.param("oops]", id="no beginning"),
        pytest.param("[oops}x[]", id="other bracket, and more"),
        pytest.param("[oops] []", id="two lists"),
        pytest.param("[oops], 1, []", id="more after the end"),
        pytest.param("[oops [1]", id="one too few closed"),
        pytest.param("[oops]]", id="one too many closed"),
        pytest.param("[[oops]]]]", id="many too many closed at once"),
        pytest.param("[oops}", id="other bracket at the end"),
        pytest.param('["oops]', id="string without end"),
        pytest.param('["oops\\]', id="string that ends in a backslash"),
        pytest.param('["' + '\\"' * 1000 + "]", id="many quotes, none an end"),
    ],
)
def test_no_list(text: str) -> None:
    """What is no list, or whose brackets do not fit together, is none at all."""
    assert _lists.load_list(text) is None


def test_bad_item_a_thousand_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that cannot be loaded is tried once in a list, after the list as a whole."""
    tried: list[str] = []

    def loads(text: str) -> Any:
        tried.append(text)
        return json.loads(text)

    monkeypatch.setattr(_lists, "json", SimpleNamespace(loads=loads))
    assert _lists.load_list(f"[{'oops,' * 1000}1]") == [*[None] * 1000, 1]
    assert tried[1:] == ["oops", "1"]


def test_string_that_ends_the_text() -> None:
    """A last item that is a string is one like another."""
    assert _lists.load_list('[oops, "a"]') == [None, "a"]
