"""What the charms' charmcraft.yaml say."""

from pathlib import Path
from typing import Any

import yaml

CHARMS = Path(__file__).parents[2] / "charms"


def recipe(charm: str) -> dict[str, Any]:
    """Return a charm's charmcraft.yaml."""
    return yaml.safe_load((CHARMS / charm / "charmcraft.yaml").read_text())
