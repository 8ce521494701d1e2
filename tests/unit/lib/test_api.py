"""The public names and signatures are those of the published API reference, and its additions.

`api_reference.json` was made from that reference: classes with the parameters of their
constructor, methods with theirs (name and default, in order), properties, fields, events, errors.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import ops
import pytest

from charmlibs.interfaces import tls_certificates
from charmlibs.interfaces.tls_certificates import Mode
from charms.tls_certificates_interface.v4 import tls_certificates as door

REFERENCE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "api_reference.json").read_text()
)
CLASSES = {name: about for name, about in REFERENCE.items() if name != "__functions__"}
FUNCTIONS = REFERENCE["__functions__"]["members"]
MEMBERS = [
    pytest.param(name, member, about, id=f"{name}.{member}")
    for name, described in CLASSES.items()
    for member, about in described["members"].items()
]
# What the published library added up to 1.12, and what this one adds.
ADDED_NAMES = {
    "KeyAlgorithm",
    "ProviderCapabilities",
    "ApplicationCertificatesChangedEvent",
    "CertificateInvalidatedEvent",
    "CertificateInvalidationReason",
    "Exchange",
}
ADDED_DEFAULTS = {
    # 1.12: None is the default of the algorithm, which is 2048 for the one there was.
    ("PrivateKey.generate", "key_size"): None,
}


def _default(text: str | None) -> Any:
    if text is None:
        return inspect.Parameter.empty
    return eval(text, {"Mode": Mode, "frozenset": frozenset})


def _assert_signature(where: str, called: Any, expected: list[list[Any]]) -> None:
    """The parameters of the reference come first, in order; what was added is optional."""
    parameters = list(inspect.signature(called).parameters.values())
    keyword_only = bool(expected) and expected[0][0] == "*"
    expected = expected[1:] if keyword_only else expected
    for parameter, (name, default) in zip(parameters, expected, strict=False):
        assert parameter.name == name
        wanted = ADDED_DEFAULTS.get((where, name), _default(default))
        assert parameter.default == wanted
        assert (parameter.kind is parameter.KEYWORD_ONLY) is keyword_only
    assert len(parameters) >= len(expected)
    assert all(one.default is not one.empty for one in parameters[len(expected) :])


def test_public_names() -> None:
    """All that the reference names is public, and nothing else but the additions."""
    assert set(tls_certificates.__all__) == {*CLASSES, *FUNCTIONS} | ADDED_NAMES


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name: str) -> None:
    """Every class has the bases and the constructor of the reference."""
    cls = getattr(tls_certificates, name)
    bases = [base for base in CLASSES[name]["bases"] or [] if base != "object"]
    assert set(bases) <= {base.__name__ for base in cls.__mro__}
    if CLASSES[name]["init"] is not None and name != "CertificatesRequirerCharmEvents":
        _assert_signature(name, cls, CLASSES[name]["init"])


@pytest.mark.parametrize(("name", "member", "about"), MEMBERS)
def test_members(name: str, member: str, about: Any) -> None:
    """Every method, property, field, event and error code of the reference is there."""
    cls = getattr(tls_certificates, name)
    if isinstance(about, int):
        assert cls[member].value == about
    elif isinstance(about, dict):
        is_classmethod = inspect.ismethod(getattr(cls, member))
        assert is_classmethod is about["classmethod"]
        expected = about["params"] if is_classmethod else [["self", None], *about["params"]]
        _assert_signature(f"{name}.{member}", getattr(cls, member), expected)
    elif about == "event":
        assert isinstance(inspect.getattr_static(cls, member), ops.EventSource)
    elif about == "property":
        described = inspect.getattr_static(cls, member)
        assert isinstance(described, property) or type(described).__name__ == "cached_property"
    else:
        assert member in inspect.get_annotations(cls) or hasattr(cls, member)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    """Every function has the parameters of the reference."""
    function = getattr(tls_certificates, name)
    _assert_signature(name, function, FUNCTIONS[name]["params"])


@pytest.mark.parametrize(
    ("called", "parameters"),
    [
        (tls_certificates.TLSCertificatesProvidesV4, ["provider_capabilities"]),
        (
            tls_certificates.TLSCertificatesRequiresV4,
            ["key_algorithm", "key_size", "keep_until_replaced"],
        ),
        (tls_certificates.PrivateKey.generate, ["key_algorithm"]),
        (
            tls_certificates.TLSCertificatesProvidesV4.set_relation_answers,
            ["certificates", "errors"],
        ),
        (tls_certificates.TLSCertificatesProvidesV4.get_certificate_requests, ["csrs"]),
    ],
)
def test_added_parameters(called: Any, parameters: list[str]) -> None:
    """What was added since is there, behind what was before."""
    names = list(inspect.signature(called).parameters)
    assert names[-len(parameters) :] == parameters


@pytest.mark.parametrize("name", tls_certificates.__all__)
def test_everything_public_is_documented(name: str) -> None:
    """Public classes and functions have docstrings, and so do their methods."""
    described = getattr(tls_certificates, name)
    assert described.__doc__
    for member, value in vars(described).items() if inspect.isclass(described) else ():
        if inspect.isfunction(value) and not member.startswith("_"):
            assert value.__doc__, member


def test_charmhub_door() -> None:
    """The Charmhub path has the same names, and what `charmcraft` looks for."""
    for name in tls_certificates.__all__:
        assert getattr(door, name) is getattr(tls_certificates, name)
    assert (door.LIBID, door.LIBAPI) == ("afd8c2bccf834997afce12c2706d2ede", 4)
    assert isinstance(door.LIBPATCH, int)


def test_types_are_shipped() -> None:
    """Type checkers of those who use the library read its annotations."""
    assert (Path(tls_certificates.__file__).parent / "py.typed").exists()
