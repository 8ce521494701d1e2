"""Reading a mapping of texts that a charm gives as YAML (or JSON, which is YAML)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import yaml

from localjuju.model import JujuError

_Fast: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Texts(_Fast):
    """Takes every value but null for text as it is written: ``true``, ``1.0``, ``2026-01-01``."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own way)
        first: [pair for pair in pairs if pair[0].endswith(":null")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def mapping(text: str, what: str) -> dict[str, str]:
    """Return what a document maps, with null as an empty text.

    Args:
        text: YAML.
        what: The thing that is read, for errors.

    Raises:
        JujuError: If it is no mapping.
    """
    try:
        data: Any = yaml.load(text, Loader=_Texts) if text.strip() else {}  # noqa: S506 (safe)
    except yaml.YAMLError:
        raise JujuError(f"cannot read the {what}: not YAML") from None
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise JujuError(f"cannot read the {what}: not a mapping")
    entries = cast("Mapping[Any, Any]", data)
    return {str(key): "" if value is None else str(value) for key, value in entries.items()}
