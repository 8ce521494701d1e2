"""What the server serves, on disk: written by the charm, read by the server.

    <folder>/current -> sets/<name>      a symbolic link, replaced in one rename
    <folder>/sets/<name>/content.json    everything but the keys
    <folder>/sets/<name>/<i>.pem         what pair i presents: leaf and intermediates
    <folder>/sets/<name>/<i>.key         its private key, mode 0600

A set is written whole into a folder of its own and brought to disk (fsync) before the link moves
to it, and is never changed afterwards. So a reader that follows the link once has the old set or
the new one, also after a crash at any point. A set's name begins with the digest of what is in
it: a file that was torn or edited is noticed when the set is read.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import secrets
import shutil
from typing import Any

from .pairs import Pair

HISTORY_LENGTH = 50
"""How many of the latest renewals are remembered one by one; `Content.renewals` counts all."""
_DIGEST_LENGTH = 32
_FORMAT = 1


class StoreDamagedError(Exception):
    """The current set cannot be read as it was written; the text says what is wrong."""


@dataclasses.dataclass(frozen=True)
class Renewal:
    """A moment at which one certificate took the place of another, or came first."""

    at: datetime.datetime
    """Aware UTC: when it was put in the store."""
    slot: str
    serial_number: int
    fingerprint: str
    issuer: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    kind: str
    """How it differs from the one before, in words for people: see `plan.kind_of_renewal`."""


@dataclasses.dataclass(frozen=True)
class Content:
    """All that the server needs to know, and all that its page shows."""

    title: str
    """Who serves, such as `demo-requirer/0`."""
    notice: str = ""
    """What a reader of the page should know, such as that no provider is related, or empty."""
    pairs: tuple[Pair, ...] = ()
    """The first is presented to clients that ask for no name, or for one that no pair has."""
    trusted: tuple[str, ...] = ()
    """PEM certificates of authorities that others told this unit to trust."""
    history: tuple[Renewal, ...] = ()
    """Oldest first, at most `HISTORY_LENGTH`."""
    renewals: int = 0
    """How often any certificate here was replaced, the forgotten ones counted."""


class Store:
    """The folder that holds the current `Content`.

    Args:
        folder: Made, with mode 0700, when it is not there.
        owner: User and group ids that the files are given to; needs root. None leaves them alone.
    """

    def __init__(self, folder: pathlib.Path, owner: tuple[int, int] | None = None) -> None:
        self.folder = folder
        self._owner = owner
        self._sets = folder / "sets"
        self._link = folder / "current"

    def current_set(self) -> str | None:
        """Return the name of the current set, or None when nothing was ever written.

        One `readlink`: cheap enough to be asked twice a second.
        """
        try:
            return self._link.readlink().name
        except FileNotFoundError:
            return None

    def set_folder(self, name: str) -> pathlib.Path:
        """Return the folder of the set *name*, with `i.pem` and `i.key` for pair *i*."""
        return self._sets / name

    def read(self, name: str | None = None) -> Content | None:
        """Return what the set *name* (the current one by default) holds; None when there is none.

        Raises:
            StoreDamagedError: A file is missing, or is not what was written.
        """
        name = name or self.current_set()
        if name is None:
            return None
        folder = self.set_folder(name)
        try:
            public = (folder / "content.json").read_bytes()
            raw: dict[str, Any] = json.loads(public)
            count = len(raw["pairs"])
            keys = [(folder / f"{index}.key").read_text() for index in range(count)]
            presented = [(folder / f"{index}.pem").read_text() for index in range(count)]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise StoreDamagedError(f"{folder}: {error}") from error
        if not name.startswith(_digest(public, keys, presented)):
            raise StoreDamagedError(f"{folder}: its files are not those that were written")
        return _from_json(raw, keys)

    def write(self, content: Content) -> bool:
        """Make *content* the current one; return False, and touch nothing, when it already is.

        Raises:
            OSError: The folder cannot be written. What was current still is.
        """
        public = json.dumps(_to_json(content), indent=1, sort_keys=True).encode()
        keys = [pair.private_key + "\n" for pair in content.pairs]
        presented = [pair.presented for pair in content.pairs]
        digest = _digest(public, keys, presented)
        if self._holds(digest):
            return False
        name = f"{digest}-{secrets.token_hex(4)}"
        self._make_folder(self.folder)
        self._make_folder(self._sets)
        folder = self.set_folder(name)
        try:
            self._make_folder(folder)
            self._write_file(folder / "content.json", public)
            for index, (pem, key) in enumerate(zip(presented, keys, strict=True)):
                self._write_file(folder / f"{index}.pem", pem.encode())
                self._write_file(folder / f"{index}.key", key.encode())
            _fsync(folder)
            _fsync(self._sets)
            self._switch(name)
        except OSError:
            # Half a set helps nobody, and on a full disk its space is needed.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._remove_all_but(name)
        return True

    def remove(self) -> None:
        """Remove the folder with everything in it; no error when it is not there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _holds(self, digest: str) -> bool:
        name = self.current_set()
        if name is None or not name.startswith(digest):
            return False
        try:
            self.read(name)
        except StoreDamagedError:
            return False
        return True

    def _switch(self, name: str) -> None:
        new_link = self.folder / f".current-{secrets.token_hex(4)}"
        new_link.symlink_to(pathlib.PurePath("sets", name))
        try:
            new_link.replace(self._link)
        except OSError:
            new_link.unlink(missing_ok=True)
            raise
        _fsync(self.folder)

    def _remove_all_but(self, name: str) -> None:
        """Remove older sets, and what a crash left: a key that is served no more is not kept."""
        for other in self._sets.iterdir():
            if other.name != name:
                shutil.rmtree(other, ignore_errors=True)
        for link in self.folder.glob(".current-*"):
            link.unlink(missing_ok=True)

    def _make_folder(self, folder: pathlib.Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._owner is not None:
            os.chown(folder, *self._owner)

    def _write_file(self, path: pathlib.Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if self._owner is not None:
                os.fchown(descriptor, *self._owner)
            file.write(data)
            file.flush()
            os.fsync(descriptor)


def _fsync(folder: pathlib.Path) -> None:
    """Bring a folder's entries to disk: a file's own fsync does not say that its name is there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(public: bytes, keys: list[str], presented: list[str]) -> str:
    digest = hashlib.sha256(public)
    for text in (*keys, *presented):
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()[:_DIGEST_LENGTH]


def _to_json(content: Content) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime.datetime):
            return value.isoformat()
        if isinstance(value, tuple):
            return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if dataclasses.is_dataclass(value):
            return {
                field.name: plain(getattr(value, field.name))
                for field in dataclasses.fields(value)
                if field.name != "private_key"
            }
        return value

    return {"format": _FORMAT, **plain(content)}


def _from_json(raw: dict[str, Any], keys: list[str]) -> Content:
    """Build the values again; the digest has told already that the text is what was written.

    That may have been by another version of the charm, before a refresh or a way back from one.
    """
    if raw.get("format") != _FORMAT:
        raise StoreDamagedError(
            f"its format is {raw.get('format')!r}, this version reads {_FORMAT}"
        )
    try:
        return _content(raw, keys)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise StoreDamagedError(f"another version wrote it: {error!r}") from error


def _content(raw: dict[str, Any], keys: list[str]) -> Content:
    return Content(
        title=raw["title"],
        notice=raw["notice"],
        pairs=tuple(
            Pair(**_typed(pair), private_key=key.strip())
            for pair, key in zip(raw["pairs"], keys, strict=True)
        ),
        trusted=tuple(raw["trusted"]),
        history=tuple(Renewal(**_typed(renewal)) for renewal in raw["history"]),
        renewals=raw["renewals"],
    )


_TIMES = ("at", "not_before", "not_after", "renewal_time")
_LISTS = ("chain", "dns_names")


def _typed(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        **raw,
        **{
            name: datetime.datetime.fromisoformat(raw[name]) if raw[name] else None
            for name in _TIMES
            if name in raw
        },
        **{name: tuple(raw[name]) for name in _LISTS if name in raw},
    }
