"""Offers that are given, related by their URL, and taken away against resistance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import CommandLine, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def offered(juju: CommandLine, model: str, obedient: Path) -> Iterator[str]:
    """The name of a second model, whose application is offered to the first."""
    source = f"{model}o"
    juju.well(f"add-model {source} --no-switch")
    juju.well(f"deploy {obedient} -m {source}")
    juju.well(f"deploy {obedient}")
    juju.well(f"offer {source}.obedient:door")
    yield source
    # It is gone already where its end is what the test is about.
    juju(f"destroy-model {source} --no-prompt --force")


@pytest.fixture
def related(juju: CommandLine, offered: str) -> str:
    """The same, with the offer consumed as ``ca`` and related to."""
    juju.well(f"consume admin/{offered}.obedient ca")
    juju.well("integrate obedient:key ca")
    return offered


def _ran(folder: Path, hook: str) -> bool:
    record = folder / "record"
    return record.exists() and hook in record.read_text()


def test_offer_removed_by_force(juju: CommandLine, model: str, related: str) -> None:
    """The consumer departs and breaks; its SAAS says that it is terminated, and can be removed."""
    folder = juju.unit_folder(model, "obedient/0")
    until(lambda: _ran(folder, "hooks/key-relation-joined"))
    refused = juju(f"remove-offer admin/{related}.obedient -y")
    assert (refused.code, "it has 1 connections" in refused.err) == (1, True)
    juju.well(f"remove-offer admin/{related}.obedient -y --force")
    until(lambda: _ran(folder, "hooks/key-relation-broken"))
    assert (folder / "record").read_text().split()[-2:] == [
        "hooks/key-relation-departed",
        "hooks/key-relation-broken",
    ]
    status = juju.data("status")["application-endpoints"]["ca"]["application-status"]
    assert (status["current"], status["message"]) == ("terminated", "offer has been removed")
    assert "is terminated" in juju("integrate obedient:key ca").err
    juju.well("remove-saas ca --force")
    assert "application-endpoints" not in juju.data("status")
    juju.well(f"destroy-model {related} --no-prompt --force")


def test_offering_model_destroyed_by_force(juju: CommandLine, model: str, related: str) -> None:
    """The consuming side lives on, breaks the relation, and can be destroyed as usual."""
    folder = juju.unit_folder(model, "obedient/0")
    until(lambda: _ran(folder, "hooks/key-relation-joined"))
    assert "offers that are in use" in juju(f"destroy-model {related} --no-prompt").err
    juju.well(f"destroy-model {related} --no-prompt --force")
    until(lambda: _ran(folder, "hooks/key-relation-broken"))
    assert "ca" in juju.data("status").get("application-endpoints", {})
    juju.well("remove-saas ca")
    juju.well(f"destroy-model {model} --no-prompt")


def test_saas_removed_while_related(juju: CommandLine, model: str, related: str) -> None:
    """Removing a SAAS by force breaks its relation on both sides and leaves the offer."""
    folders = [juju.unit_folder(m, "obedient/0") for m in (model, related)]
    joined = ("hooks/key-relation-joined", "hooks/door-relation-joined")
    broken = ("hooks/key-relation-broken", "hooks/door-relation-broken")
    for hooks in (joined, broken):
        if hooks is broken:
            juju.well("remove-saas ca --force")
        for folder, hook in zip(folders, hooks, strict=True):
            until(lambda f=folder, h=hook: _ran(f, h))
    assert "obedient" in juju.data(f"offers -m {related}")
    juju.well(f"destroy-model {related} --no-prompt")


def test_related_by_the_url_of_an_offer(juju: CommandLine, offered: str) -> None:
    """An offer's URL is consumed by the way; again is refused in the words that were recorded."""
    juju.well(f"consume {offered}.obedient ca")
    assert juju(f"integrate obedient:key admin/{offered}.obedient").err == (
        f"ERROR could not consume admin/{offered}.obedient: "
        'application "obedient" already exists\n'
    )
    juju.well("integrate obedient:key ca")
    assert juju("integrate obedient:key ca").err == (
        'ERROR adding relation between endpoints "obedient:key" and "ca": cannot add relation '
        '"obedient:key", "ca": relation obedient:key ca:door: already exists\n'
    )
    assert juju(f"integrate obedient:key admin/{offered}.nosuch").err == (
        f'ERROR application offer "admin/{offered}.nosuch" not found\n'
    )
    assert juju(f"integrate obedient:key admin/{offered}.obedient:door").err == (
        f'ERROR saas application "admin/{offered}.obedient:door" shouldn\'t include endpoint\n'
    )


def test_removal_of_offers_that_are_not_there(juju: CommandLine, offered: str) -> None:
    """In Juju's words: an offer is missed, a SAAS is not."""
    assert juju("remove-saas nosuch") == (0, "", "")
    for url, words in (
        (f"admin/{offered}.nosuch", '"nosuch": offer not found'),
        ("admin/nosuch.x", 'model "admin/nosuch": not found'),
    ):
        assert juju(f"remove-offer {url} -y") == (1, "", f"ERROR {words}\n")
    mixed = juju(f"remove-offer admin/{offered}.obedient admin/{offered}.nosuch -y")
    assert mixed.code == 1
    assert "obedient" in juju.data(f"offers -m {offered}")
