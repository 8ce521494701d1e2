"""Secrets: revisions, labels, grants, expiry, and the hooks that tell of them."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest

from localjuju.hooktools import CommitError
from localjuju.model import Offer, Saas
from localjuju.model.secrets import Expiry, Owner, Reader, Revision, Secret

from .player import Player, charm, names, new_model

if TYPE_CHECKING:
    from pathlib import Path

    from localjuju.model import Model


class Scene:
    """An owner with two units and a reader with one, related; and a secret of the owner."""

    def __init__(self) -> None:
        self.model = new_model()
        self.player = Player(self.model)
        self.model.deploy(
            charm("owner", provides={"db": "sql"}), "owner", self.player.now, units=2
        )
        self.model.deploy(charm("reader", requires={"db": "sql"}), "reader", self.player.now)
        self.model.integrate("owner", "reader")
        self.player.settle()
        self.uri = ""

    def add(self, *options: str, unit: str = "owner/0") -> str:
        """Add a secret and return its URI."""
        self.uri = self.ask(unit, "secret-add", "word=one", *options).strip()
        return self.uri

    def ask(self, unit: str, *words: str) -> str:
        """Call a hook tool in a hook of its own, which must succeed; return its output."""
        answers: list[Any] = []

        def script(tool: Any, _: object) -> bool:
            answers.append(tool(*words))
            return answers[0].code == 0

        assert self.player.in_hook(self.model, unit, script), answers[0].err
        return answers[0].out

    def refused(self, unit: str, *words: str) -> str:
        """Call a hook tool that must be refused; return the error."""
        answers: list[Any] = []

        def script(tool: Any, _: object) -> bool:
            answers.append(tool(*words))
            return False

        self.player.in_hook(self.model, unit, script)
        assert answers[0].code != 0
        return answers[0].err

    def read(self, unit: str, *options: str) -> str:
        """Return the word that a unit reads."""
        return json.loads(self.ask(unit, "secret-get", self.uri, "--format=json", *options))[
            "word"
        ]

    def secret(self) -> Secret:
        """The secret itself."""
        return self.model.secrets[self.uri.rpartition("/")[2]]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def granted(scene: Scene) -> Scene:
    """The reader may read the secret, has read it, and all is at rest."""
    scene.add("--label", "mine")
    scene.ask("owner/0", "secret-grant", scene.uri, "-r", "0")
    scene.read("reader/0", "--label", "theirs")
    scene.player.settle()
    return scene


def test_not_granted(scene: Scene) -> None:
    """Without a grant a unit of another application may not read."""
    scene.add()
    assert (
        scene.refused("reader/0", "secret-get", scene.uri)
        == 'ERROR "reader/0" is not allowed to read this secret\n'
    )


def test_reader_tracks_until_it_refreshes(granted: Scene) -> None:
    """A reader keeps its revision; --peek looks at the newest, --refresh goes over to it."""
    granted.ask("owner/0", "secret-set", granted.uri, "word=two")
    assert [
        granted.read("reader/0", *options) for options in ((), ("--peek",), (), ("--refresh",), ())
    ] == ["one", "two", "one", "two", "two"]


def test_readers_label(granted: Scene) -> None:
    """A reader finds the secret again under its own label."""
    assert json.loads(granted.ask("reader/0", "secret-get", "--label", "theirs", "--format=json"))


def test_followers_read_what_the_application_owns(granted: Scene) -> None:
    """Every unit of the owner reads it, always the newest, but only the leader may change it."""
    granted.read("owner/1")
    granted.ask("owner/0", "secret-set", granted.uri, "word=two")
    assert granted.read("owner/1") == "two"
    error = granted.refused("owner/1", "secret-set", granted.uri, "word=three")
    assert error == f'ERROR secret "{granted.secret().id}" not found\n'


def test_change_is_told_to_readers_then_to_the_owner(granted: Scene) -> None:
    """secret-changed goes to the reader; secret-remove to the owner once nobody tracks the old."""
    granted.ask("owner/0", "secret-set", granted.uri, "word=two")
    (who, hook), *more = granted.player.settle()
    assert (who, hook.name, hook.secret_label) == ("reader/0", "secret-changed", "theirs")
    assert more == []
    granted.read("reader/0", "--refresh")
    (who, hook), *more = granted.player.settle()
    assert (who, hook.name, hook.secret_revision) == ("owner/0", "secret-remove", 1)
    assert more == []


def test_equal_content_is_no_revision(granted: Scene) -> None:
    """Setting what is there makes no revision, tells nobody and leaves the expiry."""
    granted.ask("owner/0", "secret-set", granted.uri, "--expire", "1h")
    granted.ask("owner/0", "secret-set", granted.uri, "word=one")
    assert granted.secret().latest == 1
    assert granted.secret().revisions[1].expires is not None
    assert granted.player.settle() == []


def test_expiry_belongs_to_the_revision(granted: Scene) -> None:
    """New content without an expiry has none; the replaced revision keeps its own."""
    granted.ask("owner/0", "secret-set", granted.uri, "--expire", "1h")
    granted.ask("owner/0", "secret-set", granted.uri, "word=two")
    expiries = [r.expires is not None for _, r in sorted(granted.secret().revisions.items())]
    assert expiries == [True, False]


def test_expired_again_until_removed(scene: Scene) -> None:
    """secret-expired comes at its time, again every five minutes, and no more once removed."""
    scene.add("--expire", "90s", "--label", "l")
    assert names(scene.player.after(seconds=89), "owner/0") == []
    (_, hook), *more = scene.player.after(seconds=1)
    assert (hook.name, hook.secret_label, hook.secret_revision) == ("secret-expired", "l", 1)
    assert more == []
    assert names(scene.player.after(seconds=299), "owner/0") == ["update-status"]
    assert "secret-expired" in names(scene.player.after(seconds=1), "owner/0")
    scene.ask("owner/0", "secret-remove", scene.uri)
    assert "secret-expired" not in names(scene.player.after(minutes=10), "owner/0")


def test_expiry_moved_in_its_own_hook(scene: Scene) -> None:
    """A hook that moves the expiry away is not run again until then."""

    def move(tool: Any, _: object) -> bool:
        return tool("secret-set", scene.uri, "--expire", "1h").code == 0

    scene.add("--expire", "90s")
    scene.player.scripts["secret-expired"] = move
    assert "secret-expired" in names(scene.player.after(seconds=90), "owner/0")
    assert "secret-expired" not in names(scene.player.after(minutes=59), "owner/0")
    assert "secret-expired" in names(scene.player.after(minutes=1), "owner/0")


def test_expiry_in_the_past(scene: Scene) -> None:
    """An expiry in the past is taken, and told at once."""
    scene.add("--expire", "2020-01-01T00:00:00Z")
    assert names(scene.player.settle(), "owner/0") == ["secret-expired"]


@pytest.mark.parametrize(
    ("way", "after", "hooks"),
    [
        pytest.param(Expiry.LOST, 3600, [], id="lost"),
        pytest.param(Expiry.EARLY, 60, ["secret-expired"], id="up to a minute early"),
        pytest.param(Expiry.EXACT, 60, [], id="exact"),
    ],
)
def test_ways_of_expiry(scene: Scene, way: Expiry, after: int, hooks: list[str]) -> None:
    """A fault decides whether, and when, an expiry of 100 seconds is told."""
    scene.model.expiry = way
    scene.add("--expire", "100s")
    ran = names(scene.player.after(seconds=after), "owner/0")
    assert [name for name in ran if name != "update-status"] == hooks


def test_removed_secret_that_goes_on_expiring(scene: Scene) -> None:
    """As Juju 4.0 does it: removed with its expiry pending, it fires on without a label."""
    scene.model.expiry = Expiry.EARLY
    scene.add("--expire", "100s", "--label", "l")
    scene.ask("owner/0", "secret-remove", scene.uri)
    first = [h for _, h in scene.player.after(seconds=100) if h.kind == "secret-expired"]
    again = [h for _, h in scene.player.after(minutes=5) if h.kind == "secret-expired"]
    assert [(h.secret_label, h.secret_revision) for h in first + again] == [("", 1)] * 2


def test_rotation(scene: Scene) -> None:
    """secret-rotate comes an hour after the last one."""
    scene.add("--rotate", "hourly")
    hour = datetime.timedelta(hours=1)
    for _ in range(2):
        scene.player.now += hour
        assert "secret-rotate" in names(scene.player.settle(), "owner/0")
        assert "secret-rotate" not in names(scene.player.settle(), "owner/0")


def test_removed_secret(granted: Scene) -> None:
    """Of a secret that was removed nobody reads anything, and no hook tells of it."""
    granted.ask("owner/0", "secret-remove", granted.uri)
    assert granted.player.settle() == []
    assert (
        granted.refused("reader/0", "secret-get", granted.uri)
        == "ERROR getting latest secret revision: secret not found\n"
    )


def test_grant_goes_with_the_relation(granted: Scene) -> None:
    """When the relation is gone, so is what was granted by it."""
    granted.model.remove_relation("owner", "reader")
    granted.player.settle()
    assert "not allowed" in granted.refused("reader/0", "secret-get", granted.uri)


def test_grant_to_one_unit(scene: Scene) -> None:
    """A grant to a unit is for it alone."""
    scene.model.add_units("reader", 1, scene.player.now)
    scene.player.settle()
    scene.add()
    scene.ask("owner/0", "secret-grant", scene.uri, "-r", "0", "--unit", "reader/1")
    assert scene.read("reader/1") == "one"
    assert "not allowed" in scene.refused("reader/0", "secret-get", scene.uri)


def test_label_taken(scene: Scene) -> None:
    """Two secrets of one owner cannot have one label: the hook fails as a whole."""
    scene.add("--label", "l")
    with pytest.raises(CommitError, match='secret with label "l" already exists'):
        scene.add("--label", "l")
    assert len(scene.model.secrets) == 1


def test_follower_removes(granted: Scene) -> None:
    """A removal by who may not is found out when the hook ends, as in Juju."""
    with pytest.raises(CommitError, match='"owner/1" is not allowed to manage this secret'):
        granted.ask("owner/1", "secret-remove", granted.uri)


def test_unit_owned_secret_goes_with_its_unit(scene: Scene) -> None:
    """A unit's own secret is removed with the unit."""
    scene.add("--owner", "unit", unit="owner/1")
    scene.model.remove_unit(scene.model.unit("owner/1"))
    scene.player.settle()
    assert scene.model.secrets == {}


def test_pending_writes_are_read_back(scene: Scene) -> None:
    """Within the hook a new secret is read by URI and label, and others see it after."""

    def script(tool: Any, _: object) -> bool:
        uri = tool("secret-add", "word=one", "--label", "l").out.strip()
        by_label = tool("secret-get", "--label", "l").out
        tool("secret-set", uri, "word=two")
        scene.uri = uri
        return (by_label, tool("secret-get", uri, "word", "--peek").out) == (
            "word: one\n",
            "two\n",
        )

    assert scene.player.in_hook(scene.model, "owner/0", script)
    assert scene.read("owner/0") == "two"
    assert scene.secret().latest == 1


@pytest.mark.parametrize("tool", ["secret-add", "secret-set"])
def test_largest_content(scene: Scene, tool: str) -> None:
    """A secret has at most 1,000,000 characters of base64 (of three quarters as many bytes)."""
    words = [tool] if tool == "secret-add" else [tool, scene.add()]
    scene.ask("owner/0", *words, f"word={'a' * 750_000}")
    assert scene.refused("owner/0", *words, f"word={'a' * 750_001}") == (
        'ERROR base64 encoded secret content for key "word" too large: 1000004 bytes\n'
    )
    halves = [f"{key}={'a' * 375_001}" for key in ("one", "two")]
    assert scene.refused("owner/0", *words, *halves) == (
        "ERROR base64 encoded secret content too large: 1000008 bytes\n"
    )


def test_content_of_a_file(scene: Scene, tmp_path: Path) -> None:
    """A charm may give content in a file, as YAML, and more beside it."""
    (tmp_path / "content.yaml").write_text("word: one\nother: two\n")
    uri = scene.ask(
        "owner/0", "secret-add", "--file", str(tmp_path / "content.yaml"), "third=three"
    ).strip()
    content = json.loads(scene.ask("owner/0", "secret-get", uri, "--format", "json"))
    assert content == {"other": "two", "third": "three", "word": "one"}


def test_content_is_in_no_repr() -> None:
    """What is secret does not come out when a value is printed."""
    revision = Revision({"word": "hidden"}, Player().now)
    assert "hidden" not in repr(revision)


def test_user_secret(scene: Scene) -> None:
    """A user's secret is read by the application that it is granted to, and by no other."""
    now = scene.player.now
    secret = Secret("a" * 20, Owner(scene.model.uuid, "model", ""), now, now)
    secret.revisions[1] = Revision({"word": "one"}, now)
    secret.grants[Reader(scene.model.uuid, "owner")] = None
    scene.model.secrets[secret.id] = secret
    scene.uri = f"secret:{secret.id}"
    assert scene.read("owner/1") == "one"
    assert "not allowed" in scene.refused("reader/0", "secret-get", scene.uri)


def test_across_models() -> None:
    """Read from another model by the full URI; ungranted, Juju says permission denied."""
    models: dict[str, Model] = {}
    here, there = new_model(models, "here"), new_model(models, "there")
    player = Player(here, there)
    here.deploy(charm("owner", provides={"db": "sql"}), "owner", player.now)
    there.deploy(charm("reader", requires={"db": "sql"}), "reader", player.now)
    here.offers["owner"] = Offer("owner", "owner", ("db",))
    there.saas["remote"] = Saas("remote", here.uuid, "owner")
    there.integrate("reader", "remote")
    ran = player.settle()
    seen = {(who, h.remote_app) for who, h in ran if h.kind == "relation-joined"}
    token = next(app for who, app in seen if who == "owner/0")
    assert token.startswith("remote-")
    assert ("reader/0", "remote") in seen
    uri: list[str] = []

    def add(tool: Any, _: object) -> bool:
        uri.append(tool("secret-add", "word=one").out.strip())
        return True

    player.in_hook(here, "owner/0", add)
    answers: list[Any] = []

    def get(tool: Any, _: object) -> bool:
        answers.append(tool("secret-get", uri[0], "word"))
        return True

    def grant(tool: Any, _: object) -> bool:
        return tool("secret-grant", uri[0], "-r", "0").code == 0

    player.in_hook(there, "reader/0", get)
    assert player.in_hook(here, "owner/0", grant)
    player.in_hook(there, "reader/0", get)
    assert [(a.code, a.out, a.err) for a in answers] == [
        (1, "", "ERROR permission denied\n"),
        (0, "one\n", ""),
    ]


def test_label_of_another_models_secret_in_the_hook_that_gives_it() -> None:
    """A secret of another model is read by its label as soon as a hook has given it one."""
    models: dict[str, Model] = {}
    here, there = new_model(models, "here"), new_model(models, "there")
    player = Player(here, there)
    here.deploy(charm("owner", provides={"db": "sql"}), "owner", player.now)
    there.deploy(charm("reader", requires={"db": "sql"}), "reader", player.now)
    here.offers["owner"] = Offer("owner", "owner", ("db",))
    there.saas["remote"] = Saas("remote", here.uuid, "owner")
    there.integrate("reader", "remote")
    player.settle()
    told: list[str] = []

    relation = str(next(iter(here.relations)))

    def give(tool: Any, _: object) -> bool:
        told.append(tool("secret-add", "word=one").out.strip())
        return tool("secret-grant", told[0], "-r", relation).code == 0

    def read(tool: Any, _: object) -> bool:
        tool("secret-get", told[0], "--label", "theirs")
        told.append(tool("secret-get", "--label", "theirs", "--format", "json").out)
        return True

    assert player.in_hook(here, "owner/0", give)
    assert player.in_hook(there, "reader/0", read)
    assert told[1] == '{"word":"one"}\n'
