"""The commands of the documentation, run: each does what its page shows."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration import deployment, transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest_jubilant

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

# In two models.
ACROSS, BACK_UP = "relate-across-models", "back-up-the-ca"
# In a model of its own, since it goes away from the provider that the others use.
OTHERS = "use-other-providers"
STAND_INS = {"vault": deployment.PROVIDER}
"""What is deployed here under the name of a charm that only Charmhub has."""


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


def in_model(juju: jubilant.Juju) -> dict[str, str]:
    """Return the environment of a terminal whose `juju` is about a model."""
    assert juju.model is not None
    return {**os.environ, "JUJU_MODEL": juju.model}


def without_a_model() -> dict[str, str]:
    """Return the environment of a terminal whose `juju` is about the model of `juju switch`."""
    return {key: value for key, value in os.environ.items() if key != "JUJU_MODEL"}


def _page(how_to: str) -> str:
    return (DOCS / "how-to" / f"{how_to}.md").read_text()


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
    run = {*HOW_TOS, ACROSS, BACK_UP, OTHERS}
    assert {page.stem for page in pages if transcript.steps(page.read_text())} == run


def test_back_up(
    served: Deployment,
    juju_factory: pytest_jubilant.JujuFactory,
    charms: Callable[[str], pathlib.Path],
    tmp_path: pathlib.Path,
) -> None:
    """The CA of one model is that of another when it was brought there."""
    # Before the pages by which the model gets a CA that somebody else keeps.
    other = juju_factory.get_juju("restored")
    other.deploy(charms(deployment.PROVIDER), config={"ca-overlap": "1s"})
    restored = deployment.Deployment(other)
    restored.wait(lambda status: jubilant.all_active(status, deployment.PROVIDER))
    served.wait_active()
    away, back = re.split("^(?=## Bring it back)", _page(BACK_UP), flags=re.MULTILINE)
    with transcript.Shell(tmp_path, in_model(served.juju)) as shell:
        assert shell.go_through(away)
    kept = served.run_leader("get-ca-certificate")["ca-certificate"]
    [folder] = [one.parent for one in tmp_path.glob("*/certificate") if one.read_text() == kept]
    with transcript.Shell(folder, in_model(other)) as shell:
        assert shell.go_through(back)
    other.wait(
        lambda _: restored.run_leader("get-ca-certificate")["ca-certificate"] == kept, timeout=120
    )


@pytest.mark.parametrize("page", HOW_TOS)
def test_how_to(page: str, served: Deployment, tmp_path: pathlib.Path) -> None:
    """A how-to does, in the model that `make demo` makes, what it shows."""
    served.wait_active()
    with transcript.Shell(tmp_path, in_model(served.juju), patience=120) as shell:
        assert shell.go_through(_page(page))


def test_across_models(
    juju_factory: pytest_jubilant.JujuFactory,
    charms: Callable[[str], pathlib.Path],
    tmp_path: pathlib.Path,
) -> None:
    """The page's two models are related, whatever they are called, and taken apart."""
    page = _page(ACROSS)
    for name, charm in (("authority", deployment.PROVIDER), ("shop", deployment.REQUIRER)):
        model = juju_factory.get_juju(name)
        model.deploy(charms(charm))
        assert model.model is not None
        page = page.replace(f"switch {name}\n", f"switch {model.model}\n")
        page = page.replace(f"consume {name}.", f"consume {model.model.rpartition(':')[2]}.")
    with transcript.Shell(tmp_path, without_a_model(), patience=120) as shell:
        assert shell.go_through(page)


def test_other_providers(
    juju_factory: pytest_jubilant.JujuFactory,
    charms: Callable[[str], pathlib.Path],
    tmp_path: pathlib.Path,
) -> None:
    """The requirer asks for a public name, and goes over to a provider of another name."""
    model = deployment.deploy(juju_factory.get_juju("others"), charms)
    for name, charm in STAND_INS.items():
        model.juju.deploy(charms(charm), name)
    model.wait_active()
    with transcript.Shell(tmp_path, in_model(model.juju), patience=120) as shell:
        assert shell.go_through(_page(OTHERS))
    other = dataclasses.replace(model, provider="vault")
    model.juju.wait(lambda _: len(other.issued()) == 1, timeout=120)
    assert other.issued()[0]["names"] == ["www.example.com"]
