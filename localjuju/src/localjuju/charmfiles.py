"""A charm's files: reading a folder or a packed charm, and putting them into a unit's folder."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import yaml

from .model import Charm, JujuError, parse_charm

if TYPE_CHECKING:
    from collections.abc import Iterator

LEFT_OUT = frozenset(
    {
        ".git",
        ".venv",
        "venv.bak",
        ".tox",
        "__pycache__",
        ".pytest_cache",
        ".ruff_cache",
        "node_modules",
    }
)
"""Folders that are the developer's and not the charm's."""

MOST_BYTES = 2 * 1024**3
"""How much a packed charm may unpack to."""

MOST_FILES = 200_000
NOT_METADATA = frozenset(
    {
        "type",
        "base",
        "build-base",
        "bases",
        "platforms",
        "parts",
        "config",
        "actions",
    }
)
"""What of a charmcraft.yaml is about packing, or stands in a file of its own."""

BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,  # Encrypted.
    ValueError,  # Names with a NUL.
)
"""What ``zipfile`` raises for a file that it cannot unpack."""

MANIFEST = ".localjuju-files"
"""In a unit's folder, beside its charm: the files that the charm brought, one a line."""


def is_charm_path(text: str) -> bool:
    """Whether ``juju deploy`` takes *text* for a file or folder; else it is a Charmhub name."""
    return text.startswith((".", "/", "~")) or text.endswith(".charm")


def take_charm(source: Path, shown: str, into: Path) -> Charm:
    """Copy a charm's folder, or unpack a ``.charm`` file, and return what it says of itself.

    Args:
        source: The folder or file.
        shown: How the user wrote it.
        into: A folder that does not exist yet; it does not either when this fails.

    Raises:
        JujuError: If it is no charm, or one that must not be unpacked.
    """
    if not source.exists():
        raise JujuError(f'no charm was found at "{shown}"')
    try:
        if source.is_dir():
            _copy_folder(source, into)
        else:
            _unpack(source, shown, into)
        return read_charm(into, shown)
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise JujuError(f'cannot read "{shown}": {_why(error)}') from error
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def _why(error: OSError) -> str:
    """Say what went wrong; ``shutil.copytree`` gathers it from many files."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        gathered = cast("list[tuple[str, str, str]]", error.args[0])
        return "; ".join(f"{source}: {why}" for source, _, why in gathered[:3])
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def read_charm(folder: Path, shown: str) -> Charm:
    """Return what the charm in *folder* says of itself.

    Raises:
        JujuError: If it is no charm.
    """
    documents = {
        name: _read_yaml(folder / f"{name}.yaml", shown)
        for name in ("metadata", "charmcraft", "config", "actions", "manifest")
    }
    metadata = documents["metadata"]
    if metadata is None:
        metadata = documents["charmcraft"]
    if metadata is None:
        raise JujuError(
            f'"{shown}" is not a charm: it has neither metadata.yaml nor charmcraft.yaml'
        )
    if not isinstance(metadata, dict):
        raise JujuError(f'"{shown}" is not a charm: its metadata is not a mapping')
    try:
        return parse_charm(
            metadata,
            _part(documents, "config"),
            _part(documents, "actions"),
            documents["manifest"],
        )
    except JujuError as error:
        raise JujuError(f'cannot use "{shown}": {error}') from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Lists where mappings belong, words where numbers do: metadata has many corners.
        raise JujuError(f'cannot use "{shown}": its metadata is malformed: {error!r}') from error


def _part(documents: dict[str, Any], name: str) -> Any:
    """A document of its own, as packed charms have, or what charmcraft.yaml holds."""
    if documents[name] is not None:
        return documents[name]
    charmcraft = documents["charmcraft"]
    return cast("dict[str, Any]", charmcraft).get(name) if isinstance(charmcraft, dict) else None


def _read_yaml(path: Path, shown: str) -> Any:
    if not path.is_file():
        return None
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise JujuError(f'"{shown}" is not a charm: {path.name} is not YAML') from error


def _copy_folder(source: Path, into: Path) -> None:
    def left_out(folder: str, names: list[str]) -> set[str]:
        for name in names:
            path = Path(folder, name)
            if path.is_symlink() and Path(folder).resolve().is_relative_to(path.resolve()):
                raise JujuError(f'"{source}" has a link to a folder that it is in: {path}')
        return {n for n in names if _is_left_out(Path(folder, n))}

    # Charm folders may link to shared code: the copy holds the files themselves.
    shutil.copytree(source, into, ignore=left_out)
    write_what_packing_writes(into)


def _is_left_out(path: Path) -> bool:
    # Links to nothing are not left to ``shutil.copytree``: it looks for what a relative link
    # leads to in the process's current folder.
    is_dangling = path.is_symlink() and not path.exists()
    return is_dangling or path.name in LEFT_OUT or path.name.endswith((".charm", ".egg-info"))


def write_what_packing_writes(folder: Path) -> None:
    """Take charmcraft.yaml apart into the files that a packed charm has, and ops reads."""
    try:
        whole = yaml.safe_load((folder / "charmcraft.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        # Whether it is a charm at all is said when it is read.
        return
    if not isinstance(whole, dict):
        return
    charm = cast("dict[str, Any]", whole)
    parts = {name: charm.get(name) for name in ("config", "actions")}
    metadata = {key: value for key, value in charm.items() if key not in NOT_METADATA}
    for name, part in {**parts, "metadata": metadata}.items():
        path = folder / f"{name}.yaml"
        if part and not path.exists():
            path.write_text(yaml.safe_dump(part, sort_keys=False), encoding="utf-8")


def _unpack(source: Path, shown: str, into: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            _check_entries(entries, shown)
            into.mkdir(parents=True)
            left = MOST_BYTES
            for entry in entries:
                left = _unpack_entry(archive, entry, into, left, shown)
    except BROKEN as error:
        raise JujuError(f'"{shown}" is not a charm: it is no zip file, or a broken one') from error


def _check_entries(entries: list[zipfile.ZipInfo], shown: str) -> None:
    if len(entries) > MOST_FILES:
        raise JujuError(
            f'"{shown}" has {len(entries)} files; localjuju takes {MOST_FILES} at most'
        )
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise JujuError(f'"{shown}" unpacks to more than {MOST_BYTES // 1024**3} GiB')
    links = {PurePosixPath(e.filename) for e in entries if _is_link(e)}
    seen: set[PurePosixPath] = set()
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path in seen and not entry.is_dir():
            # The second might be written through the first, when that is a link.
            raise JujuError(f'"{shown}" has this twice: {entry.filename}')
        seen.add(path)
        inside_link = any(parent in links for parent in path.parents)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or inside_link:
            raise JujuError(f'"{shown}" wants to write outside its folder: {entry.filename}')


def _unpack_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path, left: int, shown: str
) -> int:
    """Write one entry with its Unix mode; return how many bytes may still come."""
    target = into / entry.filename
    mode = stat.S_IMODE(entry.external_attr >> 16)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return left
    target.parent.mkdir(parents=True, exist_ok=True)
    if _is_link(entry):
        goal = archive.read(entry).decode(errors="surrogateescape")
        joined = os.path.normpath(target.parent / goal)
        # A link of a virtual environment to the system's interpreter leads out, and may.
        if not goal.startswith("/") and not joined.startswith(f"{into}{os.sep}"):
            raise JujuError(f'"{shown}" wants a link out of its folder: {entry.filename}')
        target.symlink_to(goal)
        return left
    with archive.open(entry) as packed, target.open("wb") as file:
        while chunk := packed.read(1 << 20):
            # The size in the directory may be a lie.
            left -= len(chunk)
            if left < 0:
                raise JujuError(f'"{shown}" unpacks to more than {MOST_BYTES // 1024**3} GiB')
            file.write(chunk)
    if mode:
        target.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
    return left


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def install_files(charm: Path, unit_folder: Path) -> None:
    """Put a charm's files into a unit's folder, in place of those of an earlier version.

    Files that the earlier version brought and this one lacks are deleted. What the charm made
    itself stays, also in folders of the charm; what it changed of its own files is overwritten.
    """
    target = unit_folder / "charm"
    manifest = unit_folder / MANIFEST
    before = set(manifest.read_text().splitlines()) if manifest.exists() else set[str]()
    now = set(_files(charm))
    for name in sorted(before - now, reverse=True):
        path = target / name
        if path.is_symlink() or path.is_file():
            path.unlink()
            _drop_empty_parents(path.parent, target)
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(now):
        source, path = charm / name, target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            path.unlink()
        shutil.copy2(source, path, follow_symlinks=False)
    manifest.write_text("\n".join(sorted(now)))


def _files(folder: Path) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        linked = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in [*files, *linked]:
            yield str((Path(root) / name).relative_to(folder))


def _drop_empty_parents(folder: Path, stop: Path) -> None:
    while folder != stop and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
