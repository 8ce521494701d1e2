"""What every module here is given: the charms to deploy, how short certificates live, and faults.

What a module measures (connections, failures, gaps) it says by `figure`, and stands in a section
of its own at the end of the run.
"""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration import layers, packed
from tests.integration.faults import Faults
from tests.integration.machines import Machines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import jubilant

ROOT = pathlib.Path(__file__).resolve().parents[2]

LONGEST = ("refresh_v3_to_v4", "docs", "killed_hooks", "scale", "renewal", "ca_rotation", "faults")
"""The modules that take longest: where several run side by side, the last to begin is a short
one (pytest-xdist is told `--no-loadscope-reorder`, or it would begin with those of most tests).
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("charms")
    group.addoption(
        "--charm-file",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="A packed charm to test, by its name. More than once for several.",
    )
    group.addoption(
        "--validity",
        metavar="DURATION",
        help="How long certificates live in tests that wait for renewals: "
        "60s on localjuju and 5m on Juju, if not given.",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        name = item.path.stem.removeprefix("test_")
        return LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=place)


@pytest.fixture(scope="session")
def on_localjuju() -> bool:
    """Whether `juju` is localjuju."""
    if shutil.which("juju") is None:
        pytest.fail("there is no `juju` on PATH; `tox -e integration-local` puts localjuju there")
    version = subprocess.run(["juju", "version"], capture_output=True, text=True, check=True)
    return "localjuju" in version.stdout


@pytest.fixture(scope="session")
def charms(
    request: pytest.FixtureRequest, on_localjuju: bool, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], pathlib.Path]:
    """Return the charm of a name: a packed file where one is given, else its folder.

    One that is a layer over another is made from that one.
    """
    given: list[str] = request.config.getoption("--charm-file") or []
    files = dict(map(_named_file, given))
    folder = os.environ.get("CHARM_FILES")
    base = os.environ.get("CHARM_BASE") or None
    layered = tmp_path_factory.mktemp("layered")

    @functools.cache
    def find(name: str) -> pathlib.Path:
        if name in files:
            return files[name]
        try:
            if folder is not None and (file := packed.choose(pathlib.Path(folder), name, base)):
                return file
        except packed.NotPackedError as error:
            pytest.fail(str(error))
        layer = ROOT / "tests" / "charms" / name
        if (over := layer / layers.OVER).is_file():
            return layers.lay_over(find(over.read_text().strip()), layer, layered)
        if not on_localjuju:
            pytest.fail(
                f"Juju deploys packed charms only: give one with --charm-file {name}=PATH, "
                "or a folder of them in CHARM_FILES"
            )
        for parent in (ROOT / "charms", ROOT / "tests" / "charms"):
            if (parent / name).is_dir():
                return parent / name
        pytest.fail(f"there is no charm named {name} in charms/ or tests/charms/")

    return find


@pytest.fixture(scope="session")
def validity(request: pytest.FixtureRequest, on_localjuju: bool) -> str:
    """How long certificates live where a test waits for them to renew."""
    given: str | None = request.config.getoption("--validity")
    return given or ("60s" if on_localjuju else "5m")


@pytest.fixture(scope="module")
def faults(juju: jubilant.Juju, on_localjuju: bool) -> Faults:
    """What can be done to units that Juju has no verb for."""
    if not on_localjuju:
        pytest.skip("faults are made by `juju local`, which only localjuju has")
    return Faults(juju)


@pytest.fixture(scope="module")
def machines(juju: jubilant.Juju, on_localjuju: bool) -> Machines:
    """The machines that units run on."""
    if on_localjuju:
        pytest.skip("localjuju's units share this machine: it has no systemd of theirs to ask")
    if juju.show_model().type == "caas":
        pytest.skip("units of a Kubernetes model have no machine")
    return Machines(juju)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say what was measured: one line, shown with all others at the end of the run."""

    def say(text: str) -> None:
        # With the report, which pytest-xdist brings to the process that sums up.
        request.node.user_properties.append((_FIGURE, text))

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = list(_figures(terminalreporter))
    if figures:
        terminalreporter.write_sep("-", "measured")
        for where, text in figures:
            terminalreporter.write_line(f"{where}: {text}")


_FIGURE = "figure"


def _figures(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, str]]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                name = report.nodeid.rpartition("/")[2]
                for key, text in report.user_properties:
                    if key == _FIGURE:
                        yield name, str(text)


def _named_file(text: str) -> tuple[str, pathlib.Path]:
    name, separator, path = text.partition("=")
    if not separator:
        raise pytest.UsageError(f"--charm-file takes NAME=PATH, not {text!r}")
    file = pathlib.Path(path).resolve()
    if not file.is_file():
        raise pytest.UsageError(f"--charm-file {name}: there is no file {file}")
    return name, file
