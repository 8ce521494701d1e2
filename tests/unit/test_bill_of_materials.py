"""What a packed charm is made of, as scripts/bill_of_materials.py writes it."""

from __future__ import annotations

import importlib.metadata
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts import bill_of_materials

if TYPE_CHECKING:
    import pathlib

LIBRARY = "charmlibs-interfaces-tls-certificates"
PLACE = "venv/lib/python3.12/site-packages"


def _pack(charm: pathlib.Path, *names: str) -> pathlib.Path:
    """Make a .charm file with the metadata of distributions that are here, as packing does."""
    with zipfile.ZipFile(charm, "w") as archive:
        archive.writestr("metadata.yaml", "name: web\n")
        archive.writestr("src/charm.py", "")
        for name in names:
            distribution = importlib.metadata.distribution(name)
            text = distribution.read_text("METADATA")
            assert text is not None
            folder = f"{name.replace('-', '_')}-{distribution.version}.dist-info"
            archive.writestr(f"{PLACE}/{folder}/METADATA", text)
    return charm


def test_names_what_the_charm_is_made_of(tmp_path: pathlib.Path) -> None:
    """It keeps to CycloneDX's schema, and has the library and what it needs, with versions."""
    charm = _pack(tmp_path / "web_amd64.charm", LIBRARY, "cryptography", "ops")
    bill_of_materials.main([str(charm)])
    text = charm.with_suffix(".cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["name"] == "web"
    assert {one["name"]: one["version"] for one in bill["components"]} == {
        name: importlib.metadata.version(name) for name in (LIBRARY, "cryptography", "ops")
    }
    purls = {one["name"]: one["purl"] for one in bill["components"]}
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert needs[purls[LIBRARY]] == sorted([purls["cryptography"], purls["ops"]])


def test_charm_without_an_environment(tmp_path: pathlib.Path) -> None:
    """A charm in which nothing is found has no bill: it was packed in a way that is not known."""
    charm = _pack(tmp_path / "web.charm")
    with pytest.raises(bill_of_materials.BadBillError, match="no distribution"):
        bill_of_materials.bill_of(charm)
