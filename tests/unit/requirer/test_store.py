"""The store: whatever happens to the writer, a reader has the old content or the new."""

from __future__ import annotations

import datetime
import errno
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from demo_requirer import store as store_module
from demo_requirer.store import Content, Renewal, Store, StoreDamagedError
from tests.unit.requirer.authority import NOW, Authority
from tests.unit.requirer.conftest import content_of, pair_of

if TYPE_CHECKING:
    import pathlib
    from types import FrameType


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Store:
    return Store(tmp_path / "store")


def full(authority: Authority) -> Content:
    """Content with something in every field."""
    leaf = authority.intermediate().issue("web", "web.example", "10.0.0.1")
    pair = pair_of(leaf, renewal=NOW + datetime.timedelta(days=80))
    renewal = Renewal(
        NOW, pair.slot, pair.serial_number, "ab", "CN=ca", pair.not_before, pair.not_after, "first"
    )
    other = pair_of(authority.issue("two", kind="rsa"), "app two")
    trusted = (authority.root_pem,)
    return Content("web/0", "A notice.", (pair, other), trusted, (renewal,), 3)


def test_round_trip(store: Store, authority: Authority) -> None:
    """What was written is read, all of it."""
    content = full(authority)
    assert store.write(content)
    assert store.read() == content


def test_nothing_yet(store: Store) -> None:
    """Before the first write there is no content, which is no error."""
    assert store.read() is None
    assert store.current_set() is None


def test_equal_content_is_not_written(store: Store, authority: Authority) -> None:
    """A hook that changes nothing touches no file: the server has nothing to look at."""
    content = full(authority)
    store.write(content)
    before = store.current_set()
    assert not store.write(content)
    assert store.current_set() == before


def test_old_keys_are_removed(store: Store, authority: Authority) -> None:
    """A key that is served no more does not stay on disk."""
    store.write(content_of(pair_of(authority.issue("web", number=1))))
    new = content_of(pair_of(authority.issue("web", number=2)))
    store.write(new)
    keys = [path.read_text().strip() for path in store.folder.rglob("*.key")]
    assert keys == [new.pairs[0].private_key]


def test_modes(store: Store, authority: Authority) -> None:
    """Nobody but the owner enters a folder or reads a file, whatever the umask."""
    before = os.umask(0)
    try:
        store.write(full(authority))
    finally:
        os.umask(before)
    paths = [store.folder, *store.folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths if not path.is_symlink()}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_key_is_in_key_files_alone(store: Store, authority: Authority) -> None:
    """The description of the set, which is shown to the world, has no key in it."""
    store.write(full(authority))
    for path in store.folder.rglob("*"):
        if path.is_file():
            assert ("PRIVATE KEY" in path.read_text()) == (path.suffix == ".key")


@pytest.mark.parametrize("name", ["content.json", "0.key", "0.pem", "1.key"])
@pytest.mark.parametrize("damage", ["torn", "gone", "of another"])
def test_damage_is_noticed(name: str, damage: str, store: Store, authority: Authority) -> None:
    """A file that is not what was written is no content, and the next write mends it."""
    content = full(authority)
    store.write(content)
    path = store.set_folder(str(store.current_set())) / name
    text = path.read_text()
    if damage == "torn":
        path.write_text(text[: len(text) // 2])
    elif damage == "gone":
        path.unlink()
    else:
        path.write_text(text.replace("a", "b", 1))
    with pytest.raises(StoreDamagedError):
        store.read()
    assert store.write(content)
    assert store.read() == content


def test_content_nested_by_the_thousand(store: Store, authority: Authority) -> None:
    """Brackets that no parser takes are damage like any other."""
    content = full(authority)
    store.write(content)
    name = store.current_set()
    assert name is not None
    (store.set_folder(name) / "content.json").write_text("[" * 100_000)
    with pytest.raises(StoreDamagedError):
        store.read()
    assert store.write(content)


@pytest.mark.parametrize("change", ["more", "less"])
def test_written_by_another_version(change: str, store: Store, authority: Authority) -> None:
    """A set that is whole, and that this version cannot read, is written again: no error else."""
    as_written = vars(store_module)["_to_json"]

    def otherwise(content: Content) -> dict[str, Any]:
        raw = as_written(content)
        pair = raw["pairs"][0]
        if change == "more":
            pair["color"] = "blue"
        else:
            del pair["ends_in_root"]
        return raw

    content = full(authority)
    with pytest.MonkeyPatch.context() as other_version:
        other_version.setattr(store_module, "_to_json", otherwise)
        store.write(content)
    with pytest.raises(StoreDamagedError, match="another version"):
        store.read()
    assert store.write(content)
    assert store.read() == content


def _die_at_line(number: int, store: Store, content: Content) -> bool:
    """Write in a child process that is gone before it runs its *number*-th line; say if it was."""
    child = os.fork()
    if child == 0:
        left = number

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename != store_module.__file__:
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    os._exit(42)
            return trace

        sys.settrace(trace)
        store.write(content)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_crash_at_every_line(store: Store, authority: Authority) -> None:
    """A writer that dies before any of its lines leaves the old content or the new, whole."""
    old = content_of(pair_of(authority.issue("web", number=1)))
    new = content_of(pair_of(authority.issue("web", number=2)))
    seen: set[str] = set()
    for line in range(1000):
        store.write(old)
        died = _die_at_line(line, store, new)
        found = store.read()
        assert found in (old, new)
        seen.add("old" if found == old else "new")
        if not died:
            break
    else:
        pytest.fail("the writer never came to its end")
    assert seen == {"old", "new"}
    store.write(old)
    store.write(new)
    assert len(list((store.folder / "sets").iterdir())) == 1, "what crashes left is cleared away"


def _no_space(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device", "the disk")


def _no_new_file(path: str, flags: int, *rest: Any, **more: Any) -> int:
    return _no_space() if flags & os.O_CREAT else _open(path, flags, *rest, **more)


_open = os.open


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        pytest.param("os.open", _no_new_file, id="no file can be made"),
        pytest.param("os.fsync", _no_space, id="nothing comes to disk"),
        pytest.param("pathlib.Path.symlink_to", _no_space, id="no link can be made"),
    ],
)
def test_disk_full(
    call: str,
    answer: Any,
    store: Store,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A write that fails says so, keeps the old content, and leaves nothing of the new."""
    old = content_of(pair_of(authority.issue("web", number=1)))
    new = content_of(pair_of(authority.issue("web", number=2)))
    store.write(old)
    monkeypatch.setattr(call, answer)
    with pytest.raises(OSError, match="No space left"):
        store.write(new)
    monkeypatch.undo()
    assert store.read() == old
    assert len(list((store.folder / "sets").iterdir())) == 1


def test_reader_beside_a_writer(store: Store, authority: Authority) -> None:
    """A reader that meets two hundred switches never sees a mix of two sets."""
    contents = [content_of(pair_of(authority.issue("web", number=n))) for n in range(4)]
    store.write(contents[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(200):
            store.write(contents[turn % 4])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        name = store.current_set()
        try:
            assert store.read(name) in contents
        except StoreDamagedError:
            # Removed between two files: then it is no longer the current one.
            assert store.current_set() != name
        reads += 1
    writer.join()
    assert reads
