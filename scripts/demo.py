"""The main job, for a person to see: two charms, one certificate, one page, on a local model."""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import jubilant
import rich.console
import rich.panel
import rich.status
import rich.table

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"
JUJU = FOLDER / "juju"
CA_FILE = FOLDER / "ca.pem"
MODEL = "demo"
PROVIDER, REQUIRER = "self-signed-provider", "demo-requirer"
VALIDITY = "5m"

console = rich.console.Console()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start it, and wait for Ctrl-C")
    up.add_argument("--detach", action="store_true", help="leave it running")
    verbs.add_parser("down", help="end it")
    arguments = parser.parse_args()
    if arguments.verb == "down":
        return bring_down()
    return bring_up(detach=arguments.detach)


def bring_up(*, detach: bool) -> int:
    if FOLDER.exists():
        console.print("A demo is here already: end it with [bold]make demo-down[/] first.")
        return 1
    started = time.monotonic()
    # A terminal that is closed ends the demo as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        address = deploy()
        tell(address, time.monotonic() - started, detach=detach)
        if detach:
            return 0
        signal.pause()
    except KeyboardInterrupt:
        console.print()
    except (jubilant.CLIError, jubilant.TaskError, TimeoutError) as error:
        console.print(f"[red]The demo did not come up:[/] {error}")
        if isinstance(error, jubilant.CLIError):
            console.print(error.stderr)
        bring_down()
        return 1
    return bring_down()


def deploy() -> str:
    """Deploy and relate both charms; return the address of the page."""
    write_juju()
    juju = jubilant.Juju(model=MODEL, cli_binary=str(JUJU))
    with step("Starting a model"):
        juju.add_model(MODEL)
        juju.model_config({"update-status-hook-interval": "30s"})
    with step("Deploying the certificate authority and the HTTPS server"):
        juju.deploy(ROOT / "charms" / PROVIDER, config={"certificate-validity": VALIDITY})
        juju.deploy(ROOT / "charms" / REQUIRER)
        juju.integrate(f"{PROVIDER}:certificates", f"{REQUIRER}:certificates")
        juju.integrate(f"{PROVIDER}:send-ca-cert", f"{REQUIRER}:receive-ca-cert")
    with step("Waiting for the certificate") as spinner:

        def ready(status: jubilant.Status) -> bool:
            spinner.update("  ".join(described(status)))
            return jubilant.all_active(status, PROVIDER, REQUIRER)

        juju.wait(ready, error=jubilant.any_error, delay=0.3, successes=1, timeout=120)
    # The CA comes from the one who issued, never from the server that is to be checked.
    task = juju.run(f"{PROVIDER}/0", "get-ca-certificate")
    CA_FILE.write_text(task.results["ca-certificate"] + "\n")
    return juju.status().apps[REQUIRER].units[f"{REQUIRER}/0"].public_address


def tell(address: str, seconds: float, *, detach: bool) -> None:
    url = f"https://{address}:8443/"
    juju = shlex.quote(os.path.relpath(JUJU))
    ca_file = shlex.quote(os.path.relpath(CA_FILE))
    rows = rich.table.Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_row("Page", f"[bold cyan]{url}[/]")
    rows.add_row("Check", f"curl --cacert {ca_file} {url}healthz")
    rows.add_row("Look", f"{juju} status")
    rows.add_row("Renew", f"{juju} run {REQUIRER}/0 renew-certificate")
    rows.add_row("End", "make demo-down" if detach else "Ctrl-C")
    title = f"One certificate, issued and served ({seconds:.0f} s)"
    console.print(rich.panel.Panel(rows, title=title, border_style="green", expand=False))
    console.print(
        f"A browser warns until it trusts {ca_file}. Certificates last {VALIDITY} here, and are "
        "renewed by themselves: watch the page.",
        style="dim",
        soft_wrap=True,
    )


def bring_down() -> int:
    """End the model and all that it started, and remove every file of it."""
    if not FOLDER.exists():
        console.print("There is no demo here.")
        return 0
    with step("Ending the demo"):
        if not JUJU.exists():
            # One that was ended halfway: what it left may run still.
            write_juju()
        juju = jubilant.Juju(cli_binary=str(JUJU))
        with contextlib.suppress(jubilant.CLIError):
            juju.destroy_model(MODEL, destroy_storage=True, force=True)
        with contextlib.suppress(jubilant.CLIError):
            juju.cli("local", "clean", include_model=False)
        shutil.rmtree(FOLDER)
    return 0


def write_juju() -> None:
    """Write a `juju` that speaks to the demo's own controller and to no other."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    JUJU.write_text(
        "#!/bin/sh\n"
        f"export LOCALJUJU_HOME={shlex.quote(str(FOLDER / 'localjuju'))}\n"
        f"export JUJU_MODEL=${{JUJU_MODEL-{MODEL}}}\n"
        f'exec {shlex.quote(str(pathlib.Path(sys.executable).with_name("localjuju")))} "$@"\n'
    )
    JUJU.chmod(0o755)


def described(status: jubilant.Status) -> Iterator[str]:
    for app in status.apps.values():
        for name, unit in app.units.items():
            workload = unit.workload_status
            yield f"[bold]{name}[/] {workload.current} [dim]{workload.message}[/]"


@contextlib.contextmanager
def step(title: str) -> Generator[rich.status.Status]:
    """Show that something is going on; leave a line when it is done."""
    with console.status(title) as spinner:
        yield spinner
    console.print(f"[green]✓[/] {title}")


if __name__ == "__main__":
    sys.exit(main())
