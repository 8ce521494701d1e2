"""An operator's own CA in the course of its life: brought, changed, taken away, backed up."""

from __future__ import annotations

import datetime
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from charmlibs.interfaces.tls_certificates import CertificateRequestAttributes, PrivateKey
from self_signed_provider.ca import Phase, in_use
from tests.unit.provider.conftest import make_root, new_key
from tests.unit.provider.story import ASKER, CA

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    from charmlibs.interfaces.tls_certificates import Certificate
    from localjuju.model.secrets import Secret
    from tests.unit.provider.story import Story

YEAR = datetime.timedelta(days=365)
HOUR = datetime.timedelta(hours=1)


def content(certificate: Certificate, key: PrivateKey, *chain: Certificate) -> Mapping[str, str]:
    secret = {"certificate": certificate.raw, "private-key": key.raw}
    return secret | ({"chain": "\n".join(link.raw for link in chain)} if chain else {})


def openssl_verify(
    folder: pathlib.Path,
    answer: Mapping[str, str],
    trusted: str,
    at: datetime.datetime,
    *more: str,
) -> None:
    """Verify a leaf as a client does: it is sent the chain, and trusts the bundle."""
    leaf, *above = answer["chain"]
    for name, text in (("leaf", leaf), ("sent", "\n".join(above)), ("trusted", trusted)):
        (folder / f"{name}.pem").write_text(text + "\n")
    command = "openssl verify -x509_strict -CAfile trusted.pem -untrusted sent.pem"
    words = [*command.split(), "-attime", str(int(at.timestamp())), *more, "leaf.pem"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_intermediate_verifies(story: Story, tmp_path: pathlib.Path) -> None:
    """What an intermediate issues verifies with what `get-ca-certificate` gives to be trusted."""
    root_key, key = new_key(), new_key()
    root = make_root(root_key, "root", 3 * YEAR)
    asked = CertificateRequestAttributes(common_name="intermediate", is_ca=True)
    intermediate = asked.generate_csr(key).sign(root, root_key, 2 * YEAR, is_ca=True)
    story.bring(content(intermediate, key, root))
    story.advance(2 * HOUR)
    told = story.run("get-ca-certificate")
    assert told["ca-certificate"] == intermediate.raw
    assert json.loads(told["ca-chain"]) == [root.raw]
    for answer in story.answers:
        assert answer["chain"][1:] == [intermediate.raw, root.raw]
        openssl_verify(tmp_path, answer, told["trust-bundle"], story.world.now)


@pytest.mark.parametrize("what", ["not granted", "removed"])
def test_unreadable_secret_is_named_and_the_ca_goes_on(story: Story, what: str) -> None:
    """A secret that cannot be read blocks with the reason; it is read when it can be."""
    key = new_key()
    before = story.issuers
    secret = story.bring(content(make_root(key, "mine"), key), granted=False)
    if what == "removed":
        story.model.state.forget_secret(secret, story.world.now)
    story.model.add_units(ASKER)
    story.world.settle()
    status, message = story.model.unit_status(f"{CA}/0")
    assert (status, "ca-secret" in message) == ("blocked", True)
    assert (len(story.answers), story.issuers) == (3, before)
    if what == "not granted":
        story.grant(secret)
        story.advance(datetime.timedelta(days=8))
        assert story.issuers == {secret.revisions[1].content["certificate"]}


def test_changed_content_is_a_rotation(story: Story) -> None:
    """Another CA in the same secret is published, and takes over after the overlap."""
    keys = new_key(), new_key()
    first, second = (make_root(key, f"mine {n}") for n, key in enumerate(keys))
    secret = story.bring(content(first, keys[0]))
    story.advance(2 * HOUR)
    assert story.issuers == {first.raw}
    secret.add_revision(content(second, keys[1]), story.world.now, None)
    story.world.settle()
    assert story.issuers == {first.raw}
    assert Phase.PUBLISHED in story.phases()
    story.advance(2 * HOUR)
    assert story.issuers == {second.raw}


def _expired(story: Story) -> tuple[Secret, str]:
    """Bring a CA, and let it expire while somebody asks; return its secret, and what is said."""
    key = new_key()
    mine = make_root(key, "mine", datetime.timedelta(days=70))
    secret = story.bring(content(mine, key))
    story.advance(2 * HOUR)
    story.advance(datetime.timedelta(days=80))
    story.model.add_units(ASKER)
    story.world.settle()
    return secret, f"CA expired on {mine.expiry_time:%Y-%m-%d}"


def test_who_asks_an_expired_ca_is_told_so(story: Story) -> None:
    """Nobody but its operator can renew it: both hear why nothing comes."""
    _, ended = _expired(story)
    status, message = story.model.unit_status(f"{CA}/0")
    assert (status, ended in message) == ("blocked", True)
    errors = [one["error"] for one in story.errors]
    assert {(one["code"], one["name"]) for one in errors} == {(201, "server_not_available")}
    assert all(ended in one["reason"] for one in errors)


def test_operator_of_an_expired_ca_is_told_why_the_next_is_of_no_use(story: Story) -> None:
    """A replacement with the wrong key is named, beside what it was to replace."""
    secret, ended = _expired(story)
    secret.add_revision(content(make_root(new_key()), new_key()), story.world.now, None)
    story.world.settle()
    message = story.model.unit_status(f"{CA}/0")[1]
    assert (ended in message, "does not belong" in message) == (True, True)


def test_who_asked_an_expired_ca_is_answered_when_there_is_another(story: Story) -> None:
    """Whoever was denied has a certificate of the new CA, and no error stands beside it."""
    secret, _ = _expired(story)
    key = new_key()
    other = make_root(key, "another")
    secret.add_revision(content(other, key), story.world.now, None)
    story.world.settle()
    story.advance(2 * HOUR)
    assert story.model.unit_status(f"{CA}/0")[0] == "active"
    assert (len(story.answers), story.issuers, story.errors) == (3, {other.raw}, [])


def test_taken_away_and_brought_again(story: Story) -> None:
    """The operator's CA comes back as the one it was, and its key was kept for that."""
    key = new_key()
    mine = make_root(key, "mine")
    secret = story.bring(content(mine, key))
    story.advance(2 * HOUR)
    story.model.config(CA, ca_secret="")
    story.world.settle()
    story.advance(2 * HOUR)
    assert story.issuers != {mine.raw}
    story.model.config(CA, ca_secret=f"secret:{secret.id}")
    story.world.settle()
    assert story.issuers == {mine.raw}
    ids = [authority.id for authority in story.memory.authorities]
    assert len(ids) == len(set(ids))
    story.advance(datetime.timedelta(days=100))
    assert story.issuers == {mine.raw}
    assert list(story.keys) == [f"ca-{ids[0]}"]


def test_lost_key_of_a_brought_ca_is_taken_from_the_secret_again(story: Story) -> None:
    """While `ca-secret` has the key, its loss here costs nothing."""
    key = new_key()
    story.bring(content(make_root(key, "mine"), key))
    story.advance(2 * HOUR)
    active = in_use(story.memory.authorities)
    assert active is not None
    before = story.memory.authorities
    story.lose(f"ca-{active.id}")
    story.model.add_units(ASKER)
    story.world.settle()
    assert story.issuers == {active.certificate.raw}
    assert len(story.leaves) == 3
    assert len(story.memory.authorities) == len(before)


def test_compromised_brought_ca_is_replaced_by_another(story: Story) -> None:
    """`rotate-private-key` refuses the key in use, and takes one that was brought since."""
    keys = new_key(), new_key()
    first, second = (make_root(key, f"mine {n}") for n, key in enumerate(keys))
    secret = story.bring(content(first, keys[0]))
    story.advance(2 * HOUR)
    refused = story.model.run(f"{CA}/0", "rotate-private-key")
    assert "another key" in refused.message
    secret.add_revision(content(second, keys[1]), story.world.now, None)
    story.world.settle()
    story.run("rotate-private-key")
    assert story.issuers == {second.raw}
    assert [authority.phase for authority in story.memory.authorities] == [Phase.ACTIVE]
    assert [secret["private-key"] for secret in story.keys.values()] == [keys[1].raw]


def test_backup_brings_the_ca_back_in_another_model(story: Story, tmp_path: pathlib.Path) -> None:
    """What a CA's secret holds, given as `ca-secret` elsewhere, issues what verifies under it.

    Clients that have the old revocation list take the new one: its number is higher.
    """
    [kept] = story.keys.values()
    trusted = story.run("get-ca-certificate")["trust-bundle"]
    [old] = json.loads(story.run("get-crl")["crls"])
    story.advance(HOUR)
    story.begin("other")
    story.bring(kept)
    story.advance(2 * HOUR)
    [new] = json.loads(story.run("get-crl")["crls"])[:1]
    assert (new["authority"], new["number"] > old["number"]) == (old["authority"], True)
    (tmp_path / "crl.pem").write_text(new["crl"])
    assert len(story.answers) == 2
    for answer in story.answers:
        crl = ("-crl_check", "-CRLfile", "crl.pem")
        openssl_verify(tmp_path, answer, trusted, story.world.now, *crl)
