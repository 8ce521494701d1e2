"""Juju's rough edges: secrets that are gone or unreadable, relations that die, old revisions."""

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import ops
import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import Mode, TLSCertificatesRequiresV4
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider, requests
from tests.unit.lib.requirers import (
    LATEST,
    LIBID,
    A,
    Requirer,
    certificate_entry,
    certificates,
    served,
)


def _without(requirer: Requirer, kind: str) -> None:
    """Remove a secret, as an operator might."""
    gone = requirer.secret(kind)
    rest = {one for one in requirer.state.secrets if one.id != gone.id}
    requirer.state = dataclasses.replace(requirer.state, secrets=rest)


def _with_content(requirer: Requirer, kind: str, content: dict[str, str]) -> None:
    """Change what is in a secret."""
    changed = testing.Secret(
        content,
        label=requirer.secret(kind).label,
        owner="unit",
        expire=requirer.secret(kind).expire,
    )
    _without(requirer, kind)
    requirer.state = dataclasses.replace(
        requirer.state, secrets={*requirer.state.secrets, changed}
    )


def test_certificate_secret_is_made_again() -> None:
    """A certificate whose secret is gone is kept, and its secret made again."""
    requirer = served()
    _without(requirer, "certificate")
    requirer.update_status()
    assert requirer.secret("certificate").expire is not None
    assert len(requirer.assigned()[0]) == 1


def test_key_secret_is_gone() -> None:
    """Without its key, a request is of no use: a new key makes a new one."""
    requirer = served()
    before = requirer.request
    _without(requirer, "private-key")
    requirer.update_status()
    assert requirer.request != before
    assert requirer.assigned()[0] == []


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param("private-key", {"private-key": "no key"}, id="key"),
        pytest.param("private-key", {"something": "else"}, id="no key"),
        pytest.param("certificate", {"certificate": "no PEM", "csr": "x"}, id="certificate"),
    ],
)
def test_spoiled_secret_is_mended(kind: str, content: dict[str, str]) -> None:
    """A secret that does not hold what it should fails no hook, and is mended."""
    requirer = served()
    _with_content(requirer, kind, content)
    requirer.update_status()
    csrs = requirer.requests()
    requirer.receive(certificates=certificates(keys.answer(one) for one in csrs))
    (assigned,), key = requirer.assigned()
    assert assigned.certificate.matches_private_key(key)


@pytest.mark.parametrize(
    "entries",
    [
        "no JSON",
        "{}",
        '[7, {"csr": 7}, {"csr": "x", "ca": 1}]',
        '[{"csr": "x", "certificate": "x", "relation-id": Infinity}]',
        "[" * 100_000,
    ],
    ids=["no JSON", "no list", "no entries", "infinite", "deep"],
)
def test_spoiled_outgoing_is_forgotten(entries: str) -> None:
    """What is being replaced may be spoiled, too."""
    requirer = served()
    requirer.call(lambda tls: tls.regenerate_private_key())
    _with_content(requirer, "outgoing", {"entries": entries, "private-key": "no key"})
    requirer.update_status()
    requirer.receive(certificates=certificates([keys.answer(requirer.request)]))
    assert len(requirer.assigned()[0]) == 1


def _refuse(*_: Any, **__: Any) -> Any:
    raise ops.ModelError("ERROR permission denied")


def test_secret_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that cannot be read now is not gone: nothing is asked anew, and the log says so."""
    requirer = served()
    before, secrets = requirer.request, requirer.state.secrets
    with monkeypatch.context() as patch:
        patch.setattr(ops.Secret, "get_info", _refuse)
        requirer.update_status()
        assert any("cannot read the secret" in line for line in requirer.warnings())
        requirer.call(lambda tls: tls.regenerate_private_key())
    assert (requirer.request, requirer.state.secrets) == (before, secrets)
    requirer.update_status()
    assert requirer.names_told() == ["certificate_available"]


def _gone(*_: Any, **__: Any) -> Any:
    raise ops.SecretNotFoundError("ERROR secret not found")


def test_secret_goes_between_reading_and_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is gone when it is to be changed or removed fails no hook."""
    requirer = served()
    (before,), _ = requirer.assigned()
    for method in ("set_info", "set_content", "remove_all_revisions"):
        monkeypatch.setattr(ops.Secret, method, _gone)
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    assert requirer.names_told() == ["certificate_invalidated"]
    requirer.leave()
    assert requirer.assigned()[0] == []


def limit_secrets(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let Juju refuse larger values, as it does: it counts them in base64."""

    def limited(call: Callable[..., Any]) -> Callable[..., Any]:
        def checked(self: Any, content: dict[str, str], **options: Any) -> Any:
            for key, value in content.items():
                size = len(base64.b64encode(value.encode()))
                if size > most:
                    raise ops.ModelError(
                        f'ERROR base64 encoded secret content for key "{key}" '
                        f"too large: {size} bytes"
                    )
            return call(self, content, **options)

        return checked

    monkeypatch.setattr(ops.Unit, "add_secret", limited(ops.Unit.add_secret))
    monkeypatch.setattr(ops.Secret, "set_content", limited(ops.Secret.set_content))


def test_renewal_fits_into_a_secret_of_old_jujus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is being replaced takes less than the 8 KiB that a value could have."""
    limit_secrets(monkeypatch, 8 * 1024)
    requirer = served(key_algorithm="rsa")
    before = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    assert requirer.assigned() == before


def test_too_many_to_wait_in_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more certificates than fit, as many as do stay assigned, and all are requested anew."""
    requirer = served(certificate_requests=[A(common_name=name) for name in "abcd"])
    before, _ = requirer.assigned()
    limit_secrets(monkeypatch, 8 * 1024)
    requirer.call(lambda tls: tls.regenerate_private_key())
    assert requirer.assigned()[0] == before[:2]
    assert any("of 4 certificates, 2 go on" in line for line in requirer.warnings())
    requirer.receive(certificates=certificates(map(keys.answer, requirer.requests())))
    assert len(requirer.assigned()[0]) == 4


def test_certificate_too_large_for_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that no secret can hold is assigned, and fails no hook."""
    requirer = Requirer()
    requirer.relate()
    with monkeypatch.context() as patch:
        limit_secrets(patch, 100)
        requirer.receive(certificates=certificates([keys.answer(requirer.request)]))
    assert len(requirer.assigned()[0]) == 1
    assert any("too large for a secret" in line for line in requirer.warnings())


def test_backend_that_is_down_fails_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that cannot be written now fails the hook, and the next finds all as it was."""
    requirer = served()
    before = requirer.state
    with monkeypatch.context() as patch:
        patch.setattr(ops.Unit, "add_secret", _refuse)
        with pytest.raises(testing.errors.UncaughtCharmError):
            requirer.call(lambda tls: tls.regenerate_private_key())
    requirer.state = before
    requirer.update_status()
    assert len(requirer.assigned()[0]) == 1


def _hide(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the databags of whom this name is part of not be read."""
    read, count = ops.RelationDataContent.get, ops.RelationDataContent.__len__

    def check(content: Any) -> None:
        if name in repr(content._entity):  # noqa: SLF001 - whose databag it is, is told nowhere else.
            _refuse()

    def get(content: Any, key: str, default: Any = None) -> Any:
        check(content)
        return read(content, key, default)

    def length(content: Any) -> int:
        check(content)
        return count(content)

    monkeypatch.setattr(ops.RelationDataContent, "get", get)
    monkeypatch.setattr(ops.RelationDataContent, "__len__", length)


@pytest.mark.parametrize("name", ["remote/0", "remote", "ca"])
def test_certificates_of_unreadable_requests_stay(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Who did not read a request cannot say that it is gone: its certificate stays."""
    csrs = [keys.csr_of("a"), keys.csr_of("b")]
    provider = Provider()
    provider.receive(*(requests([csr]) for csr in csrs))
    provider.set(*map(keys.answer, csrs))
    before = provider.databag()
    with monkeypatch.context() as patch:
        _hide(patch, name)
        provider.update_status()
        assert provider.get("get_unsolicited_certificates") == []
        if name == "ca":
            provider.set(keys.answer(csrs[0]))
    assert provider.databag() == before


@pytest.mark.parametrize("mode", [Mode.UNIT, Mode.APP])
def test_endpoint_named_like_an_old_label(mode: Mode) -> None:
    """An endpoint `app-x` leaves the application's key of an endpoint `x` alone."""

    class Charm(ops.CharmBase):
        def __init__(self, framework: ops.Framework) -> None:
            super().__init__(framework)
            # ops forgets whom nobody holds.
            self.both = [
                TLSCertificatesRequiresV4(self, endpoint, [A(common_name="a")], mode)
                for endpoint in ("x", "app-x")
            ]

    endpoint = {"interface": "tls-certificates"}
    context = testing.Context(
        Charm, {"name": "req", "requires": {"x": endpoint, "app-x": endpoint}}
    )
    label = f"{LIBID}-private-key-app-x"
    key = testing.Secret({"private-key": keys.key().raw}, label=label, owner="app")
    related = testing.Relation("x"), testing.Relation("app-x")
    state = testing.State(leader=True, relations=related, secrets={key})
    if mode is Mode.UNIT:
        # The key belongs to a mode that is not in force, and goes with its own endpoint alone.
        state = dataclasses.replace(state, relations=())
    state = context.run(context.on.update_status(), state)
    kept = [one.latest_content for one in state.secrets if one.label == label]
    assert kept == ([key.latest_content] if mode is Mode.APP else [])


def test_relation_that_may_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A databag that cannot be written any more fails no hook, on either side."""
    requirer = Requirer()
    monkeypatch.setattr(ops.RelationDataContent, "update", _refuse)
    requirer.relate()
    assert any("cannot write" in line for line in requirer.warnings())
    provider = Provider()
    csr = keys.csr_of()
    provider.receive(requests([csr]))
    provider.set(keys.answer(csr))
    assert any("cannot write" in line for line in provider.warnings())


def test_revision_that_is_gone_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old revision that cannot be removed fails no hook."""
    requirer = served()
    monkeypatch.setattr(ops.Secret, "remove_revision", _refuse)
    requirer.run(
        requirer.context.on.secret_remove(requirer.secret("private-key"), revision=LATEST)
    )
    assert any("cannot remove revision" in line for line in requirer.warnings())


def test_no_revision_for_equal_content() -> None:
    """Hooks in which nothing changes write no secret."""
    requirer = served()
    before = {one.label: one for one in requirer.state.secrets}
    requirer.update_status()
    for one in requirer.state.secrets:
        assert one.latest_content == before[one.label].latest_content
        assert one._latest_revision == before[one.label]._latest_revision  # noqa: SLF001


def test_newest_revision_is_tracked() -> None:
    """After new content the old revision is tracked by no one, so that Juju lets it go."""
    requirer = served()
    requirer.call(lambda tls: tls.import_private_key(keys.key("new")))
    key = requirer.secret("private-key")
    assert key.tracked_content == key.latest_content == {"private-key": keys.key("new").raw}


def test_two_instances_leave_each_others_secrets() -> None:
    """Secrets of another relation name with the same library are not touched."""
    requirer = served()
    other = testing.Secret(
        {"private-key": keys.key().raw},
        label=f"{LIBID}-private-key-0-certificates-2",
        owner="unit",
    )
    requirer.state = dataclasses.replace(requirer.state, secrets={*requirer.state.secrets, other})
    requirer.run(requirer.context.on.secret_remove(other, revision=LATEST))
    assert requirer.context.removed_secret_revisions == []
    requirer.leave()
    assert requirer.labels() == {"private-key-0-certificates-2"}


@pytest.mark.parametrize("mode", [Mode.UNIT, Mode.APP])
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("get_assigned_certificates", []),
        ("get_assigned_certificate", [A(common_name="a")]),
        ("get_provider_certificates", []),
        ("get_request_errors", []),
        ("get_request_error", [keys.csr_of()]),
        ("get_provider_capabilities", []),
        ("get_csrs_from_requirer_relation_data", []),
        ("get_private_key_secret_id", []),
        ("get_application_certificates", []),
    ],
)
def test_nothing_there(method: str, arguments: list[Any], mode: Mode) -> None:
    """Without a relation there is nothing, and asking for it raises nothing."""
    found = Requirer(mode=mode).call(lambda tls: getattr(tls, method)(*arguments))
    assert found in ([], ([], None), (None, None), None)


def test_answers_to_strangers_are_left_alone() -> None:
    """Certificates for the requests of others are not ours, nor announced."""
    requirer = Requirer()
    requirer.relate()
    requirer.receive(certificates=certificates([keys.answer(keys.csr_of())]))
    assert requirer.told == []
    assert len(requirer.call(lambda tls: tls.get_provider_certificates())) == 1


def test_error_of_a_request_is_found() -> None:
    """The refusal of one request can be asked for."""
    requirer = Requirer(certificate_requests=[A(common_name="a"), A(common_name="b")])
    requirer.relate()
    one, two = requirer.requests()
    error = {"code": 102, "name": "domain_not_allowed", "message": "No."}
    requirer.receive(request_errors=[{"csr": one.raw, "error": error}])
    assert requirer.call(lambda tls: tls.get_request_error(one)).error.code == 102
    assert requirer.call(lambda tls: tls.get_request_error(two)) is None
    assert len(requirer.call(lambda tls: tls.get_request_errors())) == 1


def test_unreadable_request_of_ours_is_sent_anew() -> None:
    """What spoiled our own databag is replaced."""
    requirer = served()
    spoiled = json.dumps([{"certificate_signing_request": "no PEM", "ca": False}, 7])
    relation = dataclasses.replace(
        requirer.relation, local_unit_data={"certificate_signing_requests": spoiled}
    )
    requirer.state = dataclasses.replace(requirer.state, relations={relation})
    requirer.update_status()
    assert requirer.request.common_name == "a"


def test_double_answer() -> None:
    """Of two answers to one request, the one that was not revoked counts."""
    requirer = Requirer()
    requirer.relate()
    answers = [keys.answer(requirer.request), keys.answer(requirer.request)]
    requirer.receive(
        certificates=[
            certificate_entry(answers[0], revoked=True),
            certificate_entry(answers[1]),
        ]
    )
    assert requirer.assigned()[0][0].certificate == answers[1].certificate
