"""Change the library's decisions, one small change at a time, and see whether their tests notice.

    make mutants [ARGS='_renewal _lists']

Looks at the modules below, or at those that are named, with their own unit tests alone. Each is
changed by mutmut in a copy under build/mutants, which is where `mutmut browse` shows the changes.
Fails where fewer than 90 % of the changes in a module are noticed. What is not noticed, and why
not: docs/explanation/mutants.md.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mutants"
PACKAGE = pathlib.Path("charmlibs/interfaces/tls_certificates")
MODULES = ("_lists", "_provider_plan", "_renewal", "_requirer_plan", "_wire")
TESTS = (
    "test_lists.py",
    "test_outgoing_plan.py",
    "test_provider_plan.py",
    "test_renewal.py",
    "test_requirer_plan.py",
    "test_wire.py",
)
ENOUGH = 0.9
SURVIVED, NOT_TESTED = 0, 33
"""The exit codes, as mutmut notes them, of a change that went unnoticed."""


def prepare(modules: list[str]) -> None:
    """Copy what is changed and what tests it to a place that is laid out as mutmut expects it."""
    shutil.rmtree(WORK, ignore_errors=True)
    for source, target in (
        (ROOT / "lib" / "charmlibs", WORK / "src" / "charmlibs"),
        (ROOT / "tests" / "unit" / "lib", WORK / "tests" / "unit" / "lib"),
    ):
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/{PACKAGE}/{module}.py" for module in modules],
        "pytest_add_cli_args_test_selection": [f"tests/unit/lib/{name}" for name in TESTS],
        "pytest_add_cli_args": ["--import-mode=importlib", "-p", "no:cacheprovider"],
        "use_git_change_detection": False,
        # What goes on for ever, as many changes do that end a loop, is noticed after this long.
        "timeout_constant": 5.0,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    # The tests import one another from the top, and mutmut puts the changed sources first.
    pytest = ['pythonpath = ["."]', 'asyncio_default_fixture_loop_scope = "function"']
    text = "\n".join(["[tool.mutmut]", *lines, "", "[tool.pytest.ini_options]", *pytest, ""])
    (WORK / "pyproject.toml").write_text(text)


def counts(module: str) -> tuple[Counter[str], list[str]]:
    """Return how many changes of a module were noticed and not, and the names of the latter."""
    found: Counter[str] = Counter()
    unnoticed: list[str] = []
    meta = WORK / "mutants" / "src" / PACKAGE / f"{module}.py.meta"
    for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
        if code is None:
            raise SystemExit(f"{name} was not run")
        is_noticed = code not in {SURVIVED, NOT_TESTED}
        found["noticed" if is_noticed else "unnoticed"] += 1
        if not is_noticed:
            unnoticed.append(name.removeprefix(f"{'.'.join(PACKAGE.parts)}."))
    return found, unnoticed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    modules: list[str] = given.modules or list(MODULES)
    if wrong := set(modules) - set(MODULES):
        parser.error(f"no such module: {', '.join(wrong)}; there are {', '.join(MODULES)}")
    prepare(modules)
    began = time.monotonic()
    mutmut = pathlib.Path(sys.executable).parent / "mutmut"
    command = [str(mutmut), "run", "--max-children", str(given.jobs)]
    with (WORK / "log").open("w") as log:
        status = subprocess.run(command, cwd=WORK, check=False, stdout=log, stderr=log).returncode
    if status:
        print(f"mutmut failed: {WORK / 'log'}")
        return status
    is_enough = True
    print("| module | changes | noticed | share |\n|---|---|---|---|")
    unnoticed: list[str] = []
    for module in modules:
        found, names = counts(module)
        unnoticed += names
        share = found["noticed"] / found.total()
        is_enough &= share >= ENOUGH
        print(f"| `{module}` | {found.total()} | {found['noticed']} | {share:.0%} |")
    print(*(f"\nunnoticed: {name}" for name in unnoticed), sep="")
    print(f"\n{time.monotonic() - began:.0f} s; to see one: cd {WORK} && mutmut show NAME")
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main())
