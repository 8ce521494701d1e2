"""What a docstring says of a value is a sentence: the type stands in the annotation.

Napoleon takes all that stands before a colon, under ``Returns:`` or first of all for a property,
for a type. A line without one before it, which shows as nothing, leaves it no type to find.

And how pydantic checks a field is no part of the field's type for its reader.
"""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING

import pydantic

from charmlibs.interfaces import tls_certificates

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_BEFORE_NAPOLEON = 400
_SHOWS_AS_NOTHING = "\\ "


def _open(
    _app: Sphinx, kind: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    for index in range(len(lines) - 1, 0, -1):
        if lines[index - 1].strip() == "Returns:":
            indent = lines[index][: len(lines[index]) - len(lines[index].lstrip())]
            lines.insert(index, indent + _SHOWS_AS_NOTHING)
    if kind in {"attribute", "property"} and lines:
        lines.insert(0, _SHOWS_AS_NOTHING)


def _plain_annotations(_app: Sphinx) -> None:
    for name in tls_certificates.__all__:
        public: object = getattr(tls_certificates, name)
        if isinstance(public, type) and issubclass(public, pydantic.BaseModel):
            # Models are built when they are first used, and have no signature before that.
            public.model_rebuild()
            hints = public.__annotations__ = typing.get_type_hints(public)
            signature = inspect.signature(public)
            parameters = [
                one.replace(annotation=hints[name]) for name, one in signature.parameters.items()
            ]
            public.__signature__ = signature.replace(parameters=parameters)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look at each docstring before Napoleon does."""
    app.connect("builder-inited", _plain_annotations)
    app.connect("autodoc-process-docstring", _open, priority=_BEFORE_NAPOLEON)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
