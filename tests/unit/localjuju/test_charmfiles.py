"""Charm folders and packed charms: what is taken, what is refused, what a refresh leaves."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localjuju import charmfiles
from localjuju.model import JujuError

if TYPE_CHECKING:
    from collections.abc import Callable

METADATA = "name: a-charm\nrequires: {db: {interface: sql}}\n"


def _zip(path: Path, *entries: tuple[str, str, int]) -> Path:
    """Pack entries, each a name, a content and a Unix mode."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def _charm(path: Path, *more: tuple[str, str, int]) -> Path:
    return _zip(path, ("metadata.yaml", METADATA, 0o100644), *more)


def test_packed(tmp_path: Path) -> None:
    """A packed charm is unpacked with its modes and links."""
    packed = _charm(
        tmp_path / "a.charm",
        ("dispatch", "#!/bin/sh\n", 0o100755),
        ("venv/bin/python", "/usr/bin/python3", stat.S_IFLNK | 0o777),
    )
    charm = charmfiles.take_charm(packed, "./a.charm", tmp_path / "out")
    assert charm.name == "a-charm"
    assert stat.S_IMODE((tmp_path / "out" / "dispatch").stat().st_mode) == 0o755
    assert (tmp_path / "out" / "venv/bin/python").readlink() == Path("/usr/bin/python3")


def test_unpacked_folder_is_taken_as_if_packed(tmp_path: Path) -> None:
    """Of a charmcraft.yaml the files are written that ops reads in a packed charm."""
    folder = tmp_path / "charm"
    folder.mkdir()
    (folder / "charmcraft.yaml").write_text(
        f"{METADATA}type: charm\nconfig: {{options: {{o: {{type: int, default: 1}}}}}}\n"
        "actions: {go: {}}\n"
    )
    charm = charmfiles.take_charm(folder, "./charm", tmp_path / "out")
    assert (set(charm.options), set(charm.actions)) == ({"o"}, {"go"})
    assert (tmp_path / "out" / "metadata.yaml").read_text().startswith("name: a-charm")
    assert (tmp_path / "out" / "config.yaml").exists()


def _broken(path: Path) -> Path:
    path.write_bytes(_charm(path).read_bytes()[:60])
    return path


def _no_zip(path: Path) -> Path:
    path.write_text("no zip")
    return path


def _encrypted(path: Path) -> Path:
    packed = bytearray(_charm(path).read_bytes())
    # The flag of encryption, in the entry itself and in the directory.
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(packed)
    return path


def _garbled(path: Path) -> Path:
    packed = bytearray(_charm(path).read_bytes())
    start = 30 + len("metadata.yaml")
    packed[start : start + 8] = b"\xff" * 8
    path.write_bytes(packed)
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "broken": (_broken, "no zip file, or a broken one"),
    "text": (_no_zip, "no zip file, or a broken one"),
    "empty": (_zip, "neither metadata.yaml nor charmcraft.yaml"),
    "parent": (lambda p: _charm(p, ("../out.txt", "x", 0o100644)), "outside its folder: ../out"),
    "deep parent": (lambda p: _charm(p, ("a/../../x", "x", 0o100644)), "outside its folder: a/.."),
    "absolute": (lambda p: _charm(p, ("/etc/x", "x", 0o100644)), "outside its folder: /etc/x"),
    "through a link": (
        lambda p: _charm(p, ("l", "/tmp", stat.S_IFLNK | 0o777), ("l/x", "x", 0o100644)),
        "outside its folder: l/x",
    ),
    "through a link written otherwise": (
        lambda p: _charm(p, ("./l", "/tmp", stat.S_IFLNK | 0o777), ("l/x", "x", 0o100644)),
        "outside its folder: l/x",
    ),
    "in place of a link": (
        lambda p: _charm(p, ("l", "/tmp/x", stat.S_IFLNK | 0o777), ("./l", "x", 0o100644)),
        "has this twice: ./l",
    ),
    "encrypted": (_encrypted, "no zip file, or a broken one"),
    "garbled": (_garbled, "no zip file, or a broken one"),
    "options in a list": (
        lambda p: _charm(p, ("config.yaml", "options: {a: [1]}", 0o100644)),
        "its metadata is malformed",
    ),
    "limit": (
        lambda p: _zip(
            p, ("metadata.yaml", "name: a\nrequires: {d: {interface: i, limit: x}}", 0o100644)
        ),
        "its metadata is malformed",
    ),
    "link out": (
        lambda p: _charm(p, ("l", "../../x", stat.S_IFLNK | 0o777)),
        "a link out of its folder: l",
    ),
    "not yaml": (
        lambda p: _zip(p, ("metadata.yaml", "a: [", 0o100644)),
        "metadata.yaml is not YAML",
    ),
    "no name": (
        lambda p: _zip(p, ("metadata.yaml", "a: 1", 0o100644)),
        "its metadata has no name",
    ),
    "list": (lambda p: _zip(p, ("metadata.yaml", "[]", 0o100644)), "not a mapping"),
    "storage": (
        lambda p: _zip(p, ("metadata.yaml", "name: a\nstorage: {data: {}}", 0o100644)),
        "localjuju has no storage",
    ),
    "containers": (
        lambda p: _zip(p, ("metadata.yaml", "name: a\ncontainers: {web: {}}", 0o100644)),
        "localjuju has no containers",
    ),
    "subordinate": (
        lambda p: _zip(p, ("metadata.yaml", "name: a\nsubordinate: true", 0o100644)),
        "localjuju has no subordinate charms",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(tmp_path: Path, name: str) -> None:
    """What is no charm, or reaches out of its folder, is refused by name and leaves nothing."""
    make, words = BAD[name]
    packed = make(tmp_path / "bad.charm")
    with pytest.raises(JujuError) as caught:
        charmfiles.take_charm(packed, "./bad.charm", tmp_path / "out" / "deep")
    assert words in str(caught.value)
    assert "bad.charm" in str(caught.value)
    assert not (tmp_path / "out" / "deep").exists()
    assert not (tmp_path / "out.txt").exists()


def test_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that unpacks to more than is allowed is refused before it has filled the disk."""
    monkeypatch.setattr(charmfiles, "MOST_BYTES", 1_000_000)
    packed = _charm(tmp_path / "b.charm", ("big", "0" * 2_000_000, 0o100644))
    with pytest.raises(JujuError, match="unpacks to more than"):
        charmfiles.take_charm(packed, "./b.charm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bomb_that_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one whose directory says that it is small."""
    packed = _charm(tmp_path / "b.charm", ("big", "0" * 2_000_000, 0o100644))
    data = packed.read_bytes()
    lie = data.replace((2_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lie != data
    packed.write_bytes(lie)
    monkeypatch.setattr(charmfiles, "MOST_BYTES", 1_000_000)
    with pytest.raises(JujuError, match=r"unpacks to more than|broken one"):
        charmfiles.take_charm(packed, "./b.charm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_such_file(tmp_path: Path) -> None:
    """A path at which nothing is, is named as the user wrote it."""
    with pytest.raises(JujuError, match=r'no charm was found at "\./x\.charm"'):
        charmfiles.take_charm(tmp_path / "x.charm", "./x.charm", tmp_path / "out")


def test_refresh_keeps_what_the_old_version_did_not_bring(tmp_path: Path) -> None:
    """Files of the old version go, its own edits are overwritten, what the charm made stays."""
    unit, old, new = tmp_path / "unit", tmp_path / "old", tmp_path / "new"
    for folder, files in ((old, ("both", "gone/only", "kept/a")), (new, ("both", "kept/a"))):
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(folder.name)
    charmfiles.install_files(old, unit)
    (unit / "charm" / "both").write_text("edited")
    (unit / "charm" / "kept" / "made").write_text("mine")
    (unit / "charm" / ".unit-state.db").write_text("mine")
    charmfiles.install_files(new, unit)
    found = {
        str(p.relative_to(unit / "charm")): p.read_text()
        for p in (unit / "charm").rglob("*")
        if p.is_file()
    }
    assert found == {
        "both": "new",
        "kept/a": "new",
        "kept/made": "mine",
        ".unit-state.db": "mine",
    }
    assert not (unit / "charm" / "gone").exists()


def test_folder_that_links_to_itself(tmp_path: Path) -> None:
    """A link to a folder that it is in would be copied for ever, and is refused."""
    folder = tmp_path / "charm"
    folder.mkdir()
    (folder / "metadata.yaml").write_text(METADATA)
    (folder / "again").symlink_to(folder)
    with pytest.raises(JujuError, match="a link to a folder that it is in"):
        charmfiles.take_charm(folder, "./charm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folder_with_links(tmp_path: Path) -> None:
    """What a link in a charm's folder leads to is copied; a link to nothing is left out."""
    folder = tmp_path / "charm"
    folder.mkdir()
    (folder / "metadata.yaml").write_text(METADATA)
    (folder / "lib.py").symlink_to("../shared.py")
    (folder / "nothing").symlink_to("gone")
    (tmp_path / "shared.py").write_text("shared")
    charmfiles.take_charm(folder, "./charm", tmp_path / "out")
    assert (tmp_path / "out" / "lib.py").read_text() == "shared"
    assert not (tmp_path / "out" / "nothing").is_symlink()


def test_folder_with_a_pipe(tmp_path: Path) -> None:
    """What cannot be copied is named."""
    folder = tmp_path / "charm"
    folder.mkdir()
    (folder / "metadata.yaml").write_text(METADATA)
    os.mkfifo(folder / "pipe")
    with pytest.raises(JujuError, match="pipe"):
        charmfiles.take_charm(folder, "./charm", tmp_path / "out")
    assert not (tmp_path / "out").exists()
