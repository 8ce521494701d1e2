"""The code in the library's README, run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ops import testing

from charmlibs.interfaces import tls_certificates
from charmlibs.interfaces.tls_certificates.testing import ProviderScene, errors_in
from tests.unit.lib import keys
from tests.unit.lib.providers import requests
from tests.unit.lib.requirers import certificates

LIB = Path(__file__).parents[3] / "lib"
README, TESTING = LIB / "README.md", LIB / "TESTING.md"
INTERFACE = {"certificates": {"interface": "tls-certificates"}}


def _blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def _run(page: Path, block: str, defined: dict[str, Any]) -> dict[str, Any]:
    exec(compile(block, str(page), "exec"), defined)
    return defined


@pytest.fixture(scope="module")
def code() -> dict[str, Any]:
    """Return what all the blocks define."""
    defined: dict[str, Any] = {"__name__": "readme"}
    for block in _blocks(README):
        _run(README, block, defined)
    return defined


# The tests in TESTING.md, each with what its block defines before it.
TESTS = [
    pytest.param(block, name, id=name)
    for block in _blocks(TESTING)
    for name in re.findall(r"^def (test_\w+)", block, re.MULTILINE)
]


@pytest.mark.parametrize(("block", "name"), TESTS)
def test_of_the_page_passes(code: dict[str, Any], block: str, name: str) -> None:
    """A test that the page shows passes with the charms of the README."""
    _run(TESTING, block, dict(code))[name]()


def _requirer(code: dict[str, Any], charm: str) -> testing.Context[Any]:
    return testing.Context(code[charm], {"name": "web", "requires": INTERFACE})


def _request(relation: Any) -> str:
    (entry,) = json.loads(relation.local_unit_data["certificate_signing_requests"])
    return entry["certificate_signing_request"]


def test_requirer_and_provider_serve_each_other(code: dict[str, Any]) -> None:
    """The request of the one charm is answered by the other, and the unit is active."""
    web = _requirer(code, "WebCharm")
    relation = testing.Relation("certificates")
    state = web.run(web.on.relation_created(relation), testing.State(relations={relation}))
    assert isinstance(state.unit_status, testing.WaitingStatus)
    asked: Any = state.get_relation(relation.id)
    authority = testing.Context(code["AuthorityCharm"], {"name": "ca", "provides": INTERFACE})
    other = testing.Relation("certificates", remote_units_data={0: asked.local_unit_data})
    issued = authority.run(
        authority.on.relation_changed(other, remote_unit=0),
        testing.State(leader=True, relations={other}),
    )
    answer = issued.get_relation(other.id).local_app_data
    answered = testing.Relation(
        "certificates", local_unit_data=asked.local_unit_data, remote_app_data=answer
    )
    state = testing.State(relations={answered}, secrets=state.secrets)
    state = web.run(web.on.relation_changed(answered), state)
    assert isinstance(state.unit_status, testing.ActiveStatus)


def test_provider_refuses_in_words(code: dict[str, Any]) -> None:
    """A request that cannot be granted is answered with the reason."""
    authority = testing.Context(code["AuthorityCharm"], {"name": "ca", "provides": INTERFACE})
    nameless = tls_certificates.CertificateRequestAttributes(
        sans_dns=["a"], is_ca=True, add_unique_id_to_subject_name=False
    )
    scene = ProviderScene.requested("certificates", [nameless])
    state = authority.run(
        authority.on.relation_changed(scene.relation, remote_unit=0), scene.state()
    )
    (refusal,) = errors_in(state.get_relation(scene.relation.id))
    assert "subject" in refusal.error.message


def test_charmhub_path_has_the_same_class(code: dict[str, Any]) -> None:
    """A charm of version 4 needs no other import."""
    theirs = code["TLSCertificatesRequiresV4"]
    assert theirs is tls_certificates.TLSCertificatesRequiresV4


def _refreshed_from_v3(code: dict[str, Any], key: str, label: str) -> tuple[str, str]:
    """Return the request of before and of after a refresh from version 3."""
    csr = keys.csr_of("web.example", key)
    relation = testing.Relation(
        "certificates",
        local_unit_data={"certificate_signing_requests": json.dumps(requests([csr]))},
        remote_app_data={"certificates": json.dumps(certificates([keys.answer(csr)]))},
    )
    kept = testing.Secret({"private-key": keys.key(key).raw}, label=label, owner="unit")
    context = _requirer(code, "MigratedCharm")
    state = context.run(
        context.on.upgrade_charm(), testing.State(relations={relation}, secrets={kept})
    )
    return csr.raw, _request(state.get_relation(relation.id))


def test_from_v3_with_its_key(code: dict[str, Any]) -> None:
    """With the key of before, the request stays as it was."""
    before, after = _refreshed_from_v3(code, "v3", "web-private-key")
    assert before == after


def test_from_v3_without_its_key(code: dict[str, Any]) -> None:
    """Without it, a new key makes a new request."""
    before, after = _refreshed_from_v3(code, "v3", "elsewhere")
    assert before != after
