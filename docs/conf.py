"""How Sphinx makes the documentation: `make docs`."""

from __future__ import annotations

import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "_ext"))

project = "TLS certificates for Juju charms"
author = "The authors of this repository"
copyright = "its authors; Apache License 2.0"  # noqa: A001 - Sphinx's name for it.
_version = re.search(
    r'^version = "(.+)"$', (ROOT / "lib" / "pyproject.toml").read_text(), re.MULTILINE
)
release = version = _version.group(1) if _version else ""

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    # Ours, in _ext.
    "charm_reference",
    "drawings",
    "public_names",
    "repository_links",
    "values_in_words",
    "verb_reference",
]
exclude_patterns = ["_build"]
nitpicky = True
# Other projects' names: their indexes lie on other hosts, and the build asks none.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(ops|scenario|cryptography|pydantic|datetime|ipaddress|collections|enum|pathlib)(\..+)?",
    ),
    (r"py:.*", r"(timedelta|date|time)"),
]
default_role = "code"

# Pages that are made of a file elsewhere, whose links are relative to that file.
included_files = {
    "how-to/test-with-the-kit": "lib/TESTING.md",
    "project/changelog": "CHANGELOG.md",
    "project/contributing": "CONTRIBUTING.md",
    "project/releasing": "RELEASING.md",
    "project/security": "SECURITY.md",
}

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["drawings.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_prompt_text = r"\$ |> "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
