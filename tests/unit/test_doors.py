"""The files through which Juju runs the charms."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

CHARMS = pathlib.Path(__file__).parents[2] / "charms"
WITNESS = """
import gc, json, runpy, sys
import ops

def main(charm):
    gc.callbacks.clear()
    print(json.dumps([charm.__name__, len(searches), gc.get_freeze_count() > 0, gc.isenabled()]))

ops.main = main
gc.collect()
searches = []
gc.callbacks.append(lambda phase, about: searches.append(phase))
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize(
    ("charm", "name"),
    [
        ("demo-requirer", "DemoRequirerCharm"),
        ("self-signed-provider", "SelfSignedProviderCharm"),
    ],
)
def test_imports_are_not_searched_for_garbage(charm: str, name: str) -> None:
    """The search is off until the charm is imported, and passes over what that made."""
    source = CHARMS / charm / "src"
    result = subprocess.run(
        [sys.executable, "-c", WITNESS, source / "charm.py"],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == [name, 0, True, True]
