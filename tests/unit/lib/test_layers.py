"""The rooms of the library: imports go down only, and each room touches what it may."""

import ast
from pathlib import Path

import pytest

from charmlibs.interfaces import tls_certificates

PACKAGE = Path(tls_certificates.__file__).parent

# From the bottom up. Within a layer, a module may import those before it.
LAYERS = [
    ["_errors"],
    ["_keys", "_names", "_x509_common", "_x509", "_chains", "_attributes", "_values"],
    ["_issuing", "_renewal", "_lists", "_wire", "_outgoing"],
    ["_requirer_state", "_assignment", "_requirer_plan", "_provider_plan"],
    ["_secrets", "_legacy", "_events", "_securitylog", "_relations", "_tenure"],
    ["_requests", "_view", "_scope", "_reconciler", "_requirer", "_databags", "_provider"],
    ["_deprecated", "__init__"],
    # For tests of charms; nothing imports it.
    ["_throwaway", "testing"],
]
ORDER = [module for layer in LAYERS for module in layer]
LAYER_OF = {module: number for number, layer in enumerate(LAYERS) for module in layer}

# What a layer may not touch, and who may nevertheless.
FORBIDDEN = {
    "cryptography": ({0, 3, 4, 5, 6, 7}, set()),
    "ops": ({0, 1, 2, 3}, set()),
    # The reference makes two values pydantic models.
    "pydantic": ({0, 1, 2, 3, 4, 5, 6, 7}, {"_values", "_wire"}),
    "logging": ({0, 1, 3}, set()),
    "random": (set(range(8)), set()),
    "time": (set(range(8)), set()),
    "os": (set(range(8)), set()),
    "subprocess": (set(range(8)), set()),
}
# The published names of functions that are one layer up, imported where they are called.
CALLS_UP = {("_x509", "_issuing")}
# The published signatures take no clock.
READS_CLOCK = {"_issuing", "_renewal", "_reconciler", "_throwaway"}


def _tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module}.py").read_text())


def _imports(module: str) -> tuple[set[str], set[str]]:
    """Return the modules of this package and the others that a module imports."""
    own: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            others |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            path = node.module or ""
            if node.level:
                own |= {alias.name for alias in node.names} if not path else {path}
            elif path.startswith("charmlibs.interfaces.tls_certificates."):
                own.add(path.rpartition(".")[2])
            else:
                others.add(path.partition(".")[0])
    return own, others


def _type_checking_only(module: str) -> set[str]:
    """Return what a module imports for annotations alone."""
    return {
        alias.name
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom)
        for alias in inner.names
    }


def test_every_module_has_a_room() -> None:
    """No module is outside of the table."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_imports_go_down(module: str) -> None:
    """A module imports what is below it."""
    own, _ = _imports(module)
    up = {one for one in own if ORDER.index(one) >= ORDER.index(module)}
    assert {(module, one) for one in up - _type_checking_only(module)} <= CALLS_UP


@pytest.mark.parametrize("module", ORDER)
def test_each_room_touches_what_it_may(module: str) -> None:
    """A module imports no other library than its layer may."""
    _, others = _imports(module)
    forbidden = {
        name
        for name, (layers, excepted) in FORBIDDEN.items()
        if LAYER_OF[module] in layers and module not in excepted
    }
    assert not others & forbidden


@pytest.mark.parametrize("module", ORDER)
def test_few_read_the_clock(module: str) -> None:
    """The time is an argument, but where it is said."""
    reads = any(
        isinstance(node, ast.Attribute)
        and node.attr in {"now", "utcnow", "today"}
        and ast.unparse(node.value) in {"datetime", "datetime.datetime"}
        for node in ast.walk(_tree(module))
    )
    assert reads is (module in READS_CLOCK)


def test_namespaces_have_no_init() -> None:
    """The folders above are shared with other distributions."""
    lib = PACKAGE.parents[2]
    for folder in (
        "charmlibs",
        "charmlibs/interfaces",
        "charms",
        "charms/tls_certificates_interface",
    ):
        assert not (lib / folder / "__init__.py").exists()
