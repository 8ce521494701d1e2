"""The commands of the documentation, run: each does what its page shows."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration import deployment, transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import jubilant

    from tests.integration.deployment import Deployment

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# In one model, one after the other: what a page leaves does not matter to those that follow.
HOW_TOS = (
    "rotate-a-ca",
    "answer-a-compromise",
    "debug-a-certificate",
    "high-availability",
    "bring-your-own-ca",
)


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """The pages' readers have these."""
    missing = [one for one in ("bash", "curl", "make", "openssl") if shutil.which(one) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)} here, which the pages use")


@pytest.fixture
def no_demo(on_localjuju: bool) -> Iterator[None]:
    """A tree in which no demo runs, before and after."""
    if not on_localjuju:
        pytest.skip("`make demo` brings a localjuju of its own, whatever `juju` is")
    if (ROOT / ".demo").exists():
        pytest.skip("a demo is left running here: end it with `make demo-down`")
    yield
    if (ROOT / ".demo").exists():
        subprocess.run(["make", "demo-down"], cwd=ROOT, env=terminal(), check=True)


def terminal() -> dict[str, str]:
    """Return what a terminal has: nothing that leads `make` and `juju` elsewhere in a test."""
    apart = ("VIRTUAL_ENV", "LOCALJUJU_", "JUJU_", "MAKE", "MFLAGS", "UV_", "TOX_")
    return {key: value for key, value in os.environ.items() if not key.startswith(apart)}


@pytest.mark.usefixtures("no_demo")
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/first-certificate.md"])
def test_from_the_clone(page: str) -> None:
    """What begins with `make demo` goes as it is written, and leaves nothing."""
    with transcript.Shell(ROOT, terminal(), patience=180) as shell:
        assert shell.go_through((ROOT / page).read_text())
    assert not (ROOT / ".demo").exists()


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """The model that the pages start from: what `make demo` leaves running."""
    model = deployment.deploy(juju, charms)
    juju.integrate(f"{deployment.PROVIDER}:send-ca-cert", f"{deployment.REQUIRER}:receive-ca-cert")
    model.wait_active()
    return model


def test_no_how_to_is_left_out() -> None:
    """Every how-to that has commands to run is run."""
    pages = (DOCS / "how-to").glob("*.md")
    assert {page.stem for page in pages if transcript.steps(page.read_text())} == set(HOW_TOS)


@pytest.mark.parametrize("page", HOW_TOS)
def test_how_to(page: str, served: Deployment, tmp_path: pathlib.Path) -> None:
    """A how-to does, in the model that `make demo` makes, what it shows."""
    served.wait_active()
    assert served.juju.model is not None
    environment = {**os.environ, "JUJU_MODEL": served.juju.model}
    with transcript.Shell(tmp_path, environment, patience=120) as shell:
        assert shell.go_through((DOCS / "how-to" / f"{page}.md").read_text())
