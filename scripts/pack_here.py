"""Pack both charms for the machine that this runs on, into build/charms, and look into them.

Beside each is written what it is made of, as a CycloneDX bill of materials.

A release is packed by `make pack` (charmcraft on LXD, for Ubuntu). This is for localjuju and CI on
any machine: charmcraft runs in place, on a clean export of the tracked files, in which
`platforms:` names this machine. docs/adr/0003 says why each of these steps is needed.
"""

from __future__ import annotations

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import bill_of_materials

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
OUTPUT = ROOT / "build" / "charms"
CHARMS = ("self-signed-provider", "demo-requirer")
CHARMCRAFT = "4.5.0"
SYSTEM_PYTHON = pathlib.Path("/usr/bin/python3")
APT_MODULES = pathlib.Path("/usr/lib/python3/dist-packages")
HOOK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64el"}


class CannotPackError(Exception):
    """This machine lacks something that charmcraft needs. The text says what."""


def main() -> int:
    try:
        charmcraft = install_charmcraft()
    except CannotPackError as error:
        print(f"The charms were not packed: {error}", file=sys.stderr)
        return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for charm in CHARMS:
        with tempfile.TemporaryDirectory(prefix="pack-") as folder:
            packed = pack(charmcraft, charm, pathlib.Path(folder))
            check(packed)
            target = OUTPUT / f"{charm}.charm"
            shutil.move(packed, target)
        bill = target.with_suffix(".cdx.json")
        bill.write_text(bill_of_materials.bill_of(target), encoding="utf-8")
        print(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1e6:.1f} MB")
    return 0


def install_charmcraft() -> pathlib.Path:
    """Install charmcraft in an environment of its own, with the system's apt modules."""
    environment = TOOLS / "charmcraft"
    charmcraft = environment / "bin" / "charmcraft"
    if charmcraft.exists():
        return charmcraft
    if not SYSTEM_PYTHON.exists() or not (APT_MODULES / "apt").exists():
        raise CannotPackError("charmcraft needs Debian's or Ubuntu's python3-apt")
    uv = TOOLS / "bin" / "uv"
    python = environment / "bin" / "python"
    run([uv, "venv", "--quiet", "--clear", "--python", SYSTEM_PYTHON, environment])
    # python3-apt is built for the system's Python alone, and is not on PyPI.
    site = next(environment.glob("lib/python3*/site-packages"))
    for module in [APT_MODULES / "apt", *APT_MODULES.glob("apt_*.so")]:
        (site / module.name).symlink_to(module)
    run([uv, "pip", "install", "--quiet", "--python", python, f"charmcraft=={CHARMCRAFT}"])
    return charmcraft


def pack(charmcraft: pathlib.Path, charm: str, folder: pathlib.Path) -> pathlib.Path:
    """Pack one charm from a clean export of the tracked files in *folder*."""
    export(folder)
    source = folder / "charms" / charm
    recipe = source / "charmcraft.yaml"
    platforms = f"platforms:\n  {this_machine()}:\n"
    text, replaced = re.subn(
        r"^platforms:\n(?:  .*\n)+", platforms, recipe.read_text(), flags=re.MULTILINE
    )
    if replaced != 1:
        raise CannotPackError(f"{recipe.relative_to(folder)} has no `platforms:` to replace")
    recipe.write_text(text)
    # uv alone is added to what a hook finds: the Python that packs is the one that will run.
    tools = folder / "tools"
    tools.mkdir()
    (tools / "uv").symlink_to(TOOLS / "bin" / "uv")
    environment = os.environ | {"PATH": f"{tools}:{HOOK_PATH}", "UV_PYTHON_DOWNLOADS": "never"}
    run([charmcraft, "pack", "--destructive-mode"], cwd=source, env=environment)
    return next(source.glob("*.charm"))


def export(folder: pathlib.Path) -> None:
    """Copy what git tracks or would track: packing in the checkout copies earlier packs too."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def check(charm: pathlib.Path) -> None:
    """See that what a charm cannot do without is in it, from this very tree."""
    with zipfile.ZipFile(charm) as archive:
        modes = {item.filename: item.external_attr >> 16 for item in archive.infolist()}
        library = next(n for n in modes if n.endswith("interfaces/tls_certificates/__init__.py"))
        ours = (ROOT / "lib/charmlibs/interfaces/tls_certificates/__init__.py").read_bytes()
        assert archive.read(library) == ours, f"{charm.name} has another library in it"
    for name in ("dispatch", "src/charm.py"):
        assert modes[name] & 0o111, f"{name} in {charm.name} is not executable"
    for name in ("metadata.yaml", "config.yaml", "actions.yaml", "icon.svg"):
        assert name in modes, f"{charm.name} has no {name}"
    assert not any("__pycache__" in n or n.endswith(".key") for n in modes if n.startswith("src/"))


def this_machine() -> str:
    """Return the name that charmcraft has for this machine's system and processor."""
    release = platform.freedesktop_os_release()
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    return f"{release['ID']}@{release['VERSION_ID']}:{architecture}"


def run(
    command: list[str | pathlib.Path],
    cwd: pathlib.Path | None = None,
    env: dict[str, str] | None = None,
) -> None:
    """Run *command*, and show what it said only if it failed."""
    result = subprocess.run(
        command, cwd=cwd, env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if result.returncode:
        sys.stderr.buffer.write(result.stdout)
        raise SystemExit(f"{pathlib.Path(command[0]).name} ended with {result.returncode}")


if __name__ == "__main__":
    sys.exit(main())
