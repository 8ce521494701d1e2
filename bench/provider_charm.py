"""Measure the authority's charm: 1,000 requesters answered in one hook.

They are 1,000 requests in one relation, and 1,000 relations with one request each. Beside them
stands the bare cost of the cryptography, done once for each: a request is parsed and verified,
and a certificate is signed. Each figure is of a process of its own. "traffic" is what simulating
Juju takes to hand over the databags that any provider reads and writes; the ratio of a hook is
without it.

    python bench/provider_charm.py [--requesters NUMBER]
"""

import argparse
import dataclasses
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ops
import yaml
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
)

CHARM = Path(__file__).resolve().parents[1] / "charms" / "self-signed-provider"
sys.path.insert(0, str(CHARM / "src"))  # As Juju does for a charm.

from self_signed_provider.charm import (  # noqa: E402 - found only by the line above.
    SelfSignedProviderCharm,
)
from self_signed_provider.config import ProviderConfig  # noqa: E402
from self_signed_provider.origin import create  # noqa: E402

ALGORITHMS = ("ecdsa-p256", "rsa-2048")
TARGET = 2
RUNS = 3
"""The best one counts: what else this machine does makes the others slower."""
BARE, TRAFFIC = "bare", "traffic"
HOOK, QUIET = "hook", "quiet hook"
ONE, MANY = "one relation", "relations"
WORK = (
    (BARE, ONE),
    *((what, shape) for shape in (ONE, MANY) for what in (TRAFFIC, HOOK, QUIET)),
)


def requests(algorithm: str, number: int) -> list[str]:
    """Return requests in PEM, all of one key: making keys is the requirers' work."""
    kind, _, size = algorithm.partition("-")
    key = PrivateKey.generate(key_algorithm=kind, key_size=int(size.lstrip("p")))
    return [
        CertificateRequestAttributes(common_name=f"name-{one}").generate_csr(key).raw
        for one in range(number)
    ]


def bare(algorithm: str, asked: list[str]) -> Callable[[], object]:
    """Return the cryptography alone."""
    config = ProviderConfig.model_validate({"key_algorithm": algorithm})
    ca, key = create(config, "ca")

    def work() -> None:
        for pem in asked:
            csr = CertificateSigningRequest.from_string(pem)
            if not csr.is_signature_valid:
                raise SystemExit("a request that was just made does not verify")
            _ = Certificate.generate(csr, ca, key, config.certificate_validity).raw

    return work


class Bystander(ops.CharmBase):
    """Reads and writes as many databags as the authority does, and does nothing else."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on.update_status, self._on_update_status)

    def _on_update_status(self, _: ops.UpdateStatusEvent) -> None:
        for relation in self.model.relations["certificates"]:
            sides = (*relation.units, relation.app, self.app)
            read = [dict(relation.data[side]) for side in sides]
            asked = [databag.get("certificate_signing_requests", "") for databag in read]
            # An answer holds its request, and three certificates of about that size.
            relation.data[self.app]["certificates"] = "".join(asked) * 4


def context(charm: type[ops.CharmBase]) -> testing.Context[ops.CharmBase]:
    """Return *charm* with the authority's endpoints and options."""
    recipe = yaml.safe_load((CHARM / "charmcraft.yaml").read_text())
    actions, options = recipe.pop("actions"), recipe.pop("config")
    return testing.Context(charm, recipe, actions=actions, config=options, app_name="ca")


def asking(asked: list[str], shape: str) -> list[testing.Relation]:
    """Return the requests in one relation, or each in one of its own."""
    entries = [{"certificate_signing_request": one, "ca": False} for one in asked]
    return [
        testing.Relation(
            "certificates",
            id=number,
            remote_units_data={0: {"certificate_signing_requests": json.dumps(said)}},
        )
        for number, said in enumerate([entries] if shape == ONE else [[e] for e in entries], 7)
    ]


def traffic(asked: list[str], shape: str) -> Callable[[], object]:
    """Return what `ops.testing` takes for the databags alone."""
    state = testing.State(leader=True, relations=asking(asked, shape))
    simulated = context(Bystander)
    return lambda: simulated.run(simulated.on.update_status(), state)


def hook(algorithm: str, asked: list[str], shape: str, *, again: bool) -> Callable[[], object]:
    """Return a hook in which every request is answered, or the next, with nothing to do."""
    simulated = context(SelfSignedProviderCharm)
    config: dict[str, Any] = {"key-algorithm": algorithm, "certificate-limit": -1}
    requirers = asking(asked, shape)
    # They have been related before: their capabilities are told, and nothing is asked yet.
    silent = [dataclasses.replace(one, remote_units_data={0: {}}) for one in requirers]
    peers = testing.PeerRelation("ledger", id=1)
    before = testing.State(leader=True, relations={peers, *silent}, config=config)
    before = simulated.run(simulated.on.config_changed(), before)
    relations = [
        dataclasses.replace(before.get_relation(one.id), remote_units_data=one.remote_units_data)
        for one in requirers
    ]
    before = dataclasses.replace(before, relations={before.get_relation(1), *relations})

    def work() -> testing.State:
        return simulated.run(simulated.on.update_status(), before)

    if not again:
        return work
    answered = work()
    return lambda: simulated.run(simulated.on.update_status(), answered)


def measure(algorithm: str, what: str, shape: str, number: int) -> dict[str, float]:
    """Return seconds of processor time, which other work on this machine does not change, and the
    peak of memory, in MiB, of this process.
    """
    # As the charm's door does, for the time that a hook takes; here for all kinds of work alike.
    gc.freeze()
    asked = requests(algorithm, number)
    if what == BARE:
        work = bare(algorithm, asked)
    elif what == TRAFFIC:
        work = traffic(asked, shape)
    else:
        work = hook(algorithm, asked, shape, again=what == QUIET)
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak": peak}


def main() -> int:
    """Print one line for each algorithm and kind of work; return whether a target was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requesters", type=int, default=1000)
    parser.add_argument(
        "--one", nargs=3, metavar=("ALGORITHM", "WORK", "SHAPE"), help="for this program"
    )
    arguments = parser.parse_args()
    if arguments.one:
        algorithm, what, shape = arguments.one
        print(json.dumps(measure(algorithm, what, shape, arguments.requesters)))
        return 0
    print(f"{arguments.requesters} requests, answered by the authority's charm")
    print(
        "Seconds of processor time, the best of "
        f"{RUNS} processes. 'of bare' is without 'traffic':\n"
        "what simulating Juju takes in a charm that reads and writes as many databags as the\n"
        "authority does, and does nothing else."
    )
    print(f"{'key':<12}{'requests in':<14}{'work':<12}{'seconds':>9}{'of bare':>9}{'peak':>10}")
    missed = False
    for algorithm in ALGORITHMS:
        found: dict[tuple[str, str], dict[str, float]] = {}
        for what, shape in WORK:
            command = [sys.executable, "-W", "ignore", __file__, "--one", algorithm, what, shape]
            command += ["--requesters", str(arguments.requesters)]
            runs = [
                subprocess.run(command, capture_output=True, text=True, check=True)
                for _ in range(RUNS)
            ]
            told = [json.loads(done.stdout.splitlines()[-1]) for done in runs]
            found[what, shape] = min(told, key=lambda one: one["seconds"])
            text, is_missed = line(what, shape, found)
            print(f"{algorithm:<12}{text}", flush=True)
            missed = missed or is_missed
    return int(missed)


def line(
    what: str, shape: str, found: dict[tuple[str, str], dict[str, float]]
) -> tuple[str, bool]:
    """Return one line of the table, and whether it missed its target."""
    mine = found[what, shape]
    seconds = mine["seconds"]
    if what in {HOOK, QUIET}:
        # What the databags take is the simulation's own work, and grows with the square of the
        # relations there.
        seconds -= found[TRAFFIC, shape]["seconds"]
    ratio = seconds / found[BARE, ONE]["seconds"]
    verdict = "" if what != HOOK else ("within 2x" if ratio <= TARGET else "MISSED: 2x")
    return (
        f"{shape:<14}{what:<12}{mine['seconds']:>7.2f} s{ratio:>8.2f}x{mine['peak']:>6.0f} MiB  "
        f"{verdict}"
    ), verdict.startswith("MISSED")


if __name__ == "__main__":
    sys.exit(main())
