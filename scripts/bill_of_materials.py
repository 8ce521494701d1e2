"""Write beside each packed charm what it is made of, as a CycloneDX bill of materials in JSON.

    python scripts/bill_of_materials.py build/charms/*.charm

What counts is what was packed: the metadata of every distribution in the charm's own `venv` is
read out of the .charm file. (The system's Python, and what it links to, are the machine's.)
"""

# The classes of CycloneDX's library are made by a decorator that tells no types.
# pyright: reportCallIssue=false, reportUnknownMemberType=false, reportAttributeAccessIssue=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportArgumentType=false

from __future__ import annotations

import importlib.metadata
import pathlib
import sys
import tempfile
import zipfile
from typing import TYPE_CHECKING

import yaml
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable


class BadBillError(Exception):
    """What was made is no bill of materials; the text says why."""


def main(charms: list[str]) -> int:
    for charm in map(pathlib.Path, charms):
        target = charm.with_suffix(".cdx.json")
        target.write_text(bill_of(charm), encoding="utf-8")
        print(target)
    return 0


def bill_of(charm: pathlib.Path) -> str:
    """Return the bill of materials of a packed charm, as JSON.

    Raises:
        BadBillError: If the charm has no distribution in its environment, or the bill does not
            keep to the schema.
    """
    with zipfile.ZipFile(charm) as archive, tempfile.TemporaryDirectory() as folder:
        wanted = [name for name in archive.namelist() if ".dist-info/" in name]
        archive.extractall(folder, wanted)
        places = {str(pathlib.Path(folder, name).parent.parent) for name in wanted}
        found = list(importlib.metadata.distributions(path=sorted(places)))
        recipe = yaml.safe_load(archive.read("metadata.yaml"))
        text = _write(recipe["name"], found)
    if not found:
        raise BadBillError(f"{charm} has no distribution in it")
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem is not None:
        raise BadBillError(f"the bill of {charm}: {problem}")
    return text


def _write(charm: str, distributions: Iterable[importlib.metadata.Distribution]) -> str:
    components = {
        canonicalize_name(one.metadata["Name"]): (_component(one), one.requires or [])
        for one in distributions
    }
    whole = Component(name=charm, type=ComponentType.APPLICATION, bom_ref=charm)
    bill = Bom(components=[component for component, _ in components.values()])
    bill.metadata.component = whole
    bill.register_dependency(whole, [component for component, _ in components.values()])
    for component, requires in components.values():
        names = {canonicalize_name(Requirement(line).name) for line in requires}
        inside = [components[name][0] for name in sorted(names) if name in components]
        bill.register_dependency(component, inside)
    return JsonV1Dot6(bill).output_as_string(indent=2)


def _component(distribution: importlib.metadata.Distribution) -> Component:
    about = distribution.metadata
    name, version = canonicalize_name(about["Name"]), distribution.version
    purl = PackageURL("pypi", name=name, version=version)
    stated = about.get("License-Expression") or about.get("License") or ""
    # A whole licence's text stands there in some: that is no name of one.
    first = stated.strip().splitlines()[0] if stated.strip() else ""
    licenses = [LicenseFactory().make_from_string(first)] if 0 < len(first) < 100 else []
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        licenses=licenses,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
