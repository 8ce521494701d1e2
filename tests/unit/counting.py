"""Counts how often something is called, where that is dear."""

from collections import Counter
from typing import Any

import pytest


class Calls(Counter[str]):
    """How often what is watched was called, by its name."""

    def watch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        """Count the calls of a function or method, which does what it did."""
        called: Any = getattr(owner, name)

        def counting(*arguments: Any, **options: Any) -> Any:
            self[name] += 1
            return called(*arguments, **options)

        monkeypatch.setattr(owner, name, counting)
