"""The page in a real browser: it shows the certificate of that very connection."""

from __future__ import annotations

import base64
import os
import re
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from playwright import sync_api

from tests.integration import deployment
from tests.integration.conftest import ROOT

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Generator

    import jubilant

    from tests.integration.deployment import Deployment

ARTEFACTS = ROOT / "artefacts"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",  # CI runs as root, for which Chromium has none.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000
"""Milliseconds that what is waited for may take on a loaded machine."""
CONTRASTS = ROOT / "tests" / "integration" / "contrasts.js"
LEAST_CONTRAST = 4.5
"""Of text, for people who see less well: WCAG 2.2, criterion 1.4.3."""


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """One served unit."""
    model = deployment.deploy(juju, charms)
    model.wait_active()
    return model


@pytest.fixture(scope="module")
def browser() -> Generator[sync_api.Browser, None, None]:
    """Debian's Chromium."""
    if BROWSER is None:
        missing = "there is no chromium on PATH (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_api.sync_playwright() as playwright:
        sync_api.expect.set_options(timeout=PATIENCE)
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def page(served: Deployment, browser: sync_api.Browser) -> Generator[sync_api.Page, None, None]:
    """The page as a person opens it who looks at who has issued, and goes on."""
    place = served.endpoints()[f"{served.requirer}/0"]
    # The browser does not know the CA. What it was shown is compared by serial number.
    context = browser.new_context(
        ignore_https_errors=True, viewport={"width": 1200, "height": 1000}
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"https://{place.address}:{place.port}/")
    page.get_by_text("Live", exact=True).wait_for()
    yield page
    context.close()


def serial_at(served: Deployment) -> int:
    """Return the serial number that a new client meets."""
    return served.endpoints()[f"{served.requirer}/0"].look(served.ca()).serial


def serial_known_to_browser(page: sync_api.Page) -> int:
    """Return the serial number of what the browser itself was shown as it loaded the page."""
    session = page.context.new_cdp_session(page)
    told: list[list[str]] = []

    def hear(event: dict[str, Any]) -> None:
        told.append(event["visibleSecurityState"]["certificateSecurityState"]["certificate"])

    session.on("Security.visibleSecurityStateChanged", hear)
    session.send("Security.enable")
    while not told:
        page.wait_for_timeout(50)
    session.detach()
    chain = told[-1]
    return x509.load_der_x509_certificate(base64.b64decode(chain[0])).serial_number


def serial_shown(page: sync_api.Page) -> int:
    """Return the serial number that the page gives for its connection."""
    row = page.locator(".facts > div", has_text="Serial number")
    return int(re.sub("[^0-9A-Fa-f]", "", row.locator("code").inner_text()), 16)


def keep(page: sync_api.Page, name: str) -> None:
    """Keep a picture of the page for people to look at."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"page-{name}.png", animations="disabled")


def test_shows_its_own_connection(served: Deployment, page: sync_api.Page, scheme: str) -> None:
    """What it shows is what the browser was shown, in light and in dark."""
    page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    assert serial_shown(page) == serial_known_to_browser(page) == serial_at(served)
    assert page.get_by_role("heading", name="demo-requirer-0").is_visible()
    keep(page, scheme)


def test_renewed_while_open(served: Deployment, page: sync_api.Page) -> None:
    """After a renewal it tells this connection's certificate from the one served now; connected
    anew, it shows that.
    """
    before = serial_shown(page)
    served.juju.run(f"{served.requirer}/0", "renew-certificate")
    page.get_by_role("heading", name="The certificate has been replaced").wait_for()
    after = serial_at(served)
    assert before != after
    assert serial_shown(page) == before, "this connection is still the one it began with"
    announced = page.locator("#announcement[aria-live=polite]").inner_text()
    assert announced.startswith("A new certificate is served, valid until "), "for who hears it"
    versus = page.locator(".versus code")
    assert [text[-6:] for text in versus.all_inner_texts()] == [
        f"{serial:X}"[-6:] for serial in (before, after)
    ]
    keep(page, "renewed")
    button = page.get_by_role("button", name="Connect anew")
    button.focus()
    page.keyboard.press("Enter")
    button.wait_for(state="detached")
    assert serial_shown(page) == after
    assert page.locator("#certificate").evaluate("node => node === document.activeElement"), (
        "who pressed the button with the keyboard is not sent back to the beginning"
    )
    page.reload()
    assert serial_shown(page) == serial_known_to_browser(page) == after
    keep(page, "connected-anew")


def test_keyboard(page: sync_api.Page) -> None:
    """Everything that can be used is reached with Tab and shows that it is; one leap goes to the
    certificate.
    """
    usable = page.locator("a[href], button, [tabindex='0']")
    count = usable.count()
    assert count
    for index in range(count):
        page.keyboard.press("Tab")
        sync_api.expect(usable.nth(index)).to_be_focused()
        sync_api.expect(usable.nth(index)).not_to_have_css("outline-style", "none")
    page.reload()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "certificate"


def test_landmarks(page: sync_api.Page) -> None:
    """Who hears the page gets about in it: one of each landmark, one title, names for the rest."""
    for role in ("banner", "main", "contentinfo", "navigation"):
        sync_api.expect(page.get_by_role(role)).to_have_count(1)
    sync_api.expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.locator("html").get_attribute("lang") == "en"
    for name in ("Details", "Chain of trust", "Connection"):
        sync_api.expect(page.get_by_role("region", name=name, exact=True)).to_have_count(1)
    drawings = page.locator("svg:not([aria-hidden=true], [aria-hidden=true] svg)")
    assert drawings.count()
    for drawing in drawings.all():
        sync_api.expect(drawing).to_have_role("img")
        sync_api.expect(drawing).to_have_accessible_name(re.compile("Valid from .+ to .+ UTC"))


def test_page_of_another_version(page: sync_api.Page) -> None:
    """A page that is open over a refresh of the charm, and lacks a part of the new one, is loaded
    anew.
    """
    page.locator("[data-part=chain]").evaluate("node => node.remove()")
    page.get_by_role("region", name="Chain of trust").wait_for()
    page.get_by_text("Live", exact=True).wait_for()


def test_contrast(page: sync_api.Page, scheme: str) -> None:
    """Every text stands out from what is behind it."""
    page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    too_faint = [
        f"{found['ratio']:.2f}: {found['text']}"
        for found in page.evaluate(CONTRASTS.read_text())
        if found["ratio"] < LEAST_CONTRAST
    ]
    assert too_faint == []


def test_narrow_screen(page: sync_api.Page) -> None:
    """On a telephone nothing has to be pushed sideways."""
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    keep(page, "narrow")


def test_nothing_from_elsewhere(served: Deployment, browser: sync_api.Browser) -> None:
    """It asks no other host for anything, and the browser has nothing to complain of."""
    place = served.endpoints()[f"{served.requirer}/0"]
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"https://{place.address}:{place.port}/")
    page.get_by_text("Live", exact=True).wait_for()
    context.close()
    assert asked
    assert {urlsplit(url).netloc for url in asked} == {f"{place.address}:{place.port}"}
    assert complaints == []
