"""The code in the README and in the documentation, run."""

from __future__ import annotations

import ast
import json
import pathlib
import re
from typing import Any

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import CertificateSigningRequest
from tests.unit.lib import keys
from tests.unit.lib.requirers import certificates

ROOT = pathlib.Path(__file__).resolve().parents[3]
HOW_TO = ROOT / "docs" / "how-to"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
INTERFACE = {"certificates": {"interface": "tls-certificates"}}


def blocks(page: pathlib.Path) -> list[str]:
    return BLOCK.findall(page.read_text())


def defined(page: pathlib.Path) -> dict[str, Any]:
    """Return what the code of a page defines."""
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)
    return names


def asked(context: testing.Context[Any]) -> testing.State:
    """Return the state of a requirer that has asked."""
    relation = testing.Relation("certificates")
    return context.run(context.on.relation_created(relation), testing.State(relations={relation}))


def answered(context: testing.Context[Any], state: testing.State, answer: Any) -> testing.State:
    """Return the state of a requirer that has got an answer."""
    (relation,) = state.relations
    there = testing.Relation(
        "certificates", local_unit_data=relation.local_unit_data, remote_app_data=answer
    )
    return context.run(
        context.on.relation_changed(there),
        testing.State(relations={there}, secrets=state.secrets),
    )


def requests(state: testing.State) -> list[str]:
    """Return what stands in the databag of the unit."""
    (relation,) = state.relations
    entries = json.loads(relation.local_unit_data["certificate_signing_requests"])
    return [entry["certificate_signing_request"] for entry in entries]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_is_python(page: pathlib.Path) -> None:
    """Every block of Python is Python, fragments included."""
    for block in blocks(page):
        ast.parse(block)


def test_readme_gets_a_certificate() -> None:
    """The charm of the README is given a chain and its key when the certificate is there."""
    served: list[tuple[str, str]] = []

    class Charm(defined(ROOT / "README.md")["MyCharm"]):
        def serve(self, chain: str, key: str) -> None:
            served.append((chain, key))

    context = testing.Context(Charm, {"name": "mine", "requires": INTERFACE})
    state = asked(context)
    (csr,) = requests(state)
    answer = keys.answer(CertificateSigningRequest.from_string(csr))
    answered(context, state, {"certificates": json.dumps(certificates([answer]))})
    ((chain, key),) = served
    assert chain.startswith(answer.certificate.raw)
    assert "PRIVATE KEY" in key


@pytest.fixture(scope="module")
def requirer() -> dict[str, Any]:
    return defined(HOW_TO / "write-a-requirer.md")


@pytest.fixture(scope="module")
def provider() -> dict[str, Any]:
    return defined(HOW_TO / "write-a-provider.md")


def web(
    requirer: dict[str, Any], folder: pathlib.Path, reloads: list[str] | None = None
) -> testing.Context[Any]:
    """Return the requirer of the how-to, which writes into a folder of the test's."""

    class Charm(requirer["WebCharm"]):
        def reload(self) -> None:
            if reloads is not None:
                reloads.append("reload")

    Charm.folder = folder
    options = {"options": {"hostname": {"type": "string"}}}
    return testing.Context(Charm, {"name": "web", "requires": INTERFACE}, config=options)


def issued(provider: dict[str, Any], state: testing.State) -> dict[str, str]:
    """Return what the provider of the how-to answers to what a requirer asked."""
    context = testing.Context(provider["AuthorityCharm"], {"name": "ca", "provides": INTERFACE})
    (relation,) = state.relations
    there = testing.Relation("certificates", remote_units_data={0: relation.local_unit_data})
    after = context.run(
        context.on.relation_changed(there, remote_unit=0),
        testing.State(leader=True, relations={there}),
    )
    return dict(after.get_relation(there.id).local_app_data)


def test_how_tos_serve_each_other(
    requirer: dict[str, Any], provider: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    """The requirer of one how-to gets its files from the provider of the other, once."""
    reloads: list[str] = []
    context = web(requirer, tmp_path, reloads)
    state = asked(context)
    assert isinstance(state.unit_status, testing.WaitingStatus)
    state = answered(context, state, issued(provider, state))
    assert isinstance(state.unit_status, testing.ActiveStatus)
    assert (tmp_path / "chain.pem").read_text().count("BEGIN CERTIFICATE") == 2
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    context.run(context.on.update_status(), state)
    assert reloads == ["reload"]


def test_requirer_shows_what_is_wrong(requirer: dict[str, Any], tmp_path: pathlib.Path) -> None:
    """What an operator typed wrong blocks the unit with the reason, and raises nothing."""
    context = web(requirer, tmp_path)
    state = context.run(context.on.config_changed(), testing.State(config={"hostname": "x" * 65}))
    assert isinstance(state.unit_status, testing.BlockedStatus)
    assert "64" in state.unit_status.message


def test_requirer_asks_anew_when_revoked(
    requirer: dict[str, Any], provider: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    """After a revocation the requirer has another key, and asks with it."""
    context = web(requirer, tmp_path)
    state = asked(context)
    before = requests(state)
    answer = issued(provider, state)
    state = answered(context, state, answer)
    (entry,) = json.loads(answer["certificates"])
    revoked = json.dumps([{**entry, "revoked": True}])
    state = answered(context, state, {**answer, "certificates": revoked})
    assert requests(state) != before


def test_provider_refuses_authorities(provider: dict[str, Any]) -> None:
    """A request for a CA certificate is refused in words."""
    csr = keys.csr_of("sub.example", "sub")
    asked_for = json.dumps([{"certificate_signing_request": csr.raw, "ca": True}])
    relation = testing.Relation(
        "certificates", remote_units_data={0: {"certificate_signing_requests": asked_for}}
    )
    answer = issued_for(provider, relation)
    assert "not granted" in answer["request_errors"]


def issued_for(provider: dict[str, Any], relation: testing.Relation) -> dict[str, str]:
    context = testing.Context(provider["AuthorityCharm"], {"name": "ca", "provides": INTERFACE})
    after = context.run(
        context.on.relation_changed(relation, remote_unit=0),
        testing.State(leader=True, relations={relation}),
    )
    return dict(after.get_relation(relation.id).local_app_data)
