"""A unit's folder as a value: what is in it, and how to make it so again."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Entry = tuple[int, bytes | str | None]
"""The mode of a file, link or folder, and a file's bytes or a link's goal."""

Tree = dict[str, Entry]
"""What is in a folder, by path in it. Sockets, pipes and devices are no part of it."""


def read(folder: Path, before: Mapping[str, Entry]) -> Tree:
    """Return what is in a folder, empty if there is none.

    Args:
        folder: The folder.
        before: An earlier answer: what is equal is shared with it and takes no memory again.
    """
    tree: Tree = {}
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(root, name)  # noqa: PTH118 (many files, and Path is slow)
            entry = _entry(path)
            if entry is not None:
                key = os.path.relpath(path, folder)
                known = before.get(key)
                tree[key] = known if known is not None and known == entry else entry
    return tree


def write(folder: Path, goal: Mapping[str, Entry], now: Mapping[str, Entry]) -> None:
    """Make a folder hold *goal* when it holds *now*; what is the same stays untouched."""
    for name in sorted(set(now) - set(goal), reverse=True):
        _drop(folder / name)
    for name, entry in sorted(goal.items()):
        if now.get(name) == entry:
            continue
        path, (mode, content) = folder / name, entry
        if name in now and stat.S_IFMT(now[name][0]) != stat.S_IFMT(mode):
            _drop(path)
        if isinstance(content, str):
            path.unlink(missing_ok=True)
            path.symlink_to(content)
            continue
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(content)
        path.chmod(stat.S_IMODE(mode))


def _entry(path: str) -> Entry | None:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return mode, os.readlink(path)  # noqa: PTH115 (as above)
    if stat.S_ISDIR(mode):
        return mode, None
    return (mode, Path(path).read_bytes()) if stat.S_ISREG(mode) else None


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
