"""The same targets, led by coverage: atheris chooses the cases by what they reach.

    python -m pip install atheris    # Where there is a wheel: not for every Python.
    python -m tests.fuzz.coverage_guided TARGET [-runs=N] [-max_total_time=SECONDS] [FOLDER]

Without a target, or without atheris, it says so. FOLDER keeps what reached something new. What
follows the target is for libFuzzer, which atheris is built on.
"""

import importlib
import pathlib
import random
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(path) for path in sorted(ROOT.glob("charms/*/src"))]


def main() -> int:
    try:
        atheris = importlib.import_module("atheris")  # It may not be there.
    except ImportError:
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"skipped: atheris is not installed in this Python {version} (pip install atheris)")
        return 0
    with atheris.instrument_imports(
        include=["charmlibs", "self_signed_provider", "demo_requirer"]
    ):
        from tests.fuzz.target import judge  # noqa: PLC0415 - under atheris's eyes.
        from tests.fuzz.targets import BY_NAME  # noqa: PLC0415

    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415 - after it.

    if len(sys.argv) < 2 or sys.argv[1] not in BY_NAME:
        print(f"which target? {', '.join(BY_NAME)}")
        return 2
    target = BY_NAME[sys.argv.pop(1)]

    @settings(database=None, deadline=None, suppress_health_check=list[Any](HealthCheck))
    @given(target.cases)
    def one(case: object) -> None:
        judge(target, case)

    led: Any = one
    # Hypothesis needs some thousand bytes for a case: short ones are no case at all.
    seeds = tempfile.TemporaryDirectory()
    for number in range(20):
        content = random.Random(number).randbytes(4000)
        (pathlib.Path(seeds.name) / str(number)).write_bytes(content)
    defaults = ["-len_control=0", "-max_len=8000"]
    atheris.Setup(
        [sys.argv[0], *defaults, *sys.argv[1:], seeds.name], led.hypothesis.fuzz_one_input
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
