"""Runs a batch of cases with Hypothesis, and says what failed so that it can be had again."""

import base64
import zlib
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky

from tests.fuzz.target import Target, TooSlow, judge
from tests.fuzz.targets import BY_NAME

_LONGEST_LITERAL = 3000


@dataclass(frozen=True)
class Outcome:
    """What came of a batch."""

    target: str
    """Its name."""
    cases: int
    """How many were run, those that made a failing one smaller not counted."""
    failure: str | None = None
    """What went wrong and where, without the case: equal for what is probably the same mistake."""
    report: str = ""
    """For people: the failure, a test to paste, a command to run it again."""


def run_batch(name: str, batch_seed: int, cases: int, patience: float | None = None) -> Outcome:
    """Run cases of one target."""
    found = _search(name, batch_seed, cases, patience, [Phase.generate])
    # To make smaller what is slow would take too long itself.
    if found.failure is None or TooSlow.__name__ in found.failure:
        return found
    smaller = _search(name, batch_seed, cases, patience, [Phase.generate, Phase.shrink])
    return smaller if smaller.failure is not None else found


def _search(
    name: str, batch_seed: int, cases: int, patience: float | None, phases: list[Phase]
) -> Outcome:
    target = BY_NAME[name]
    ran = 0
    smallest: tuple[Any, AssertionError] | None = None

    @seed(batch_seed)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list[Any](HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(target.cases)
    def batch(case: Any) -> None:
        nonlocal ran, smallest
        ran += smallest is None
        try:
            judge(target, case, patience)
        except AssertionError as error:
            # The last one that fails is the smallest.
            smallest = (case, error)
            raise

    try:
        batch()
    # Flaky: what is too slow may be quick enough when it is tried again.
    except (AssertionError, Flaky):
        if smallest is None:
            raise
        case, error = smallest
        failure = f"{name}: {_place(error)}"
        command = f"python -m tests.fuzz --target {name} --seed {batch_seed} --cases {cases}"
        report = f"{error}\n  {_place(error)}\n  again: {command}\n\n{as_test(target, case)}"
        return Outcome(name, ran, failure, report)
    return Outcome(name, ran)


def _place(error: AssertionError) -> str:
    cause = error.__cause__ or error
    traceback = cause.__traceback__
    places: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return f"{type(cause).__name__} in {' > '.join(places[-5:])}"


def as_test(target: Target, case: Any) -> str:
    """Return a test with this case, ready to be pasted and given a better name."""
    name = target.name.replace("-", "_")
    literal = repr(case)
    if len(literal) > _LONGEST_LITERAL:
        packed = base64.b85encode(zlib.compress(literal.encode(errors="surrogatepass"))).decode()
        literal = f"fuzz.unpacked({packed!r})"
    return f'''def test_{name}_again() -> None:
    """What fuzzing found."""
    fuzz.again("{target.name}", {literal})
'''


def again(name: str, case: Any) -> None:
    """Judge a case that failed once."""
    judge(BY_NAME[name], case)


def unpacked(text: str) -> Any:
    """Return a case that was too long to be pasted as it is."""
    literal = zlib.decompress(base64.b85decode(text)).decode(errors="surrogatepass")
    # Cases have dates in them, which `ast.literal_eval` does not take; they are our own.
    import datetime  # noqa: PLC0415 - for what is evaluated.

    return eval(literal, {"datetime": datetime, "nan": float("nan"), "inf": float("inf")})
