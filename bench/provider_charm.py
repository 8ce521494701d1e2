"""Measure the authority's charm: 1,000 requesters answered in one hook.

Beside it stands the bare cost of the cryptography, done once for each: a request is parsed and
verified, and a certificate is signed. Each figure is of a process of its own.

    python bench/provider_charm.py [--requesters NUMBER]
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

from self_signed_provider.ca import create  # noqa: E402 - found only by the line above.
from self_signed_provider.charm import SelfSignedProviderCharm  # noqa: E402
from self_signed_provider.config import ProviderConfig  # noqa: E402

ALGORITHMS = ("ecdsa-p256", "rsa-2048")
WORK = ("bare", "hook", "quiet hook")
TARGET = 2


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


def hook(algorithm: str, asked: list[str], *, again: bool) -> Callable[[], object]:
    """Return a hook in which every request is answered, or the next, with nothing to do."""
    recipe = yaml.safe_load((CHARM / "charmcraft.yaml").read_text())
    actions, options = recipe.pop("actions"), recipe.pop("config")
    context = testing.Context(
        SelfSignedProviderCharm, recipe, actions=actions, config=options, app_name="ca"
    )
    data = json.dumps([{"certificate_signing_request": one, "ca": False} for one in asked])
    relation = testing.Relation(
        "certificates", id=7, remote_units_data={0: {"certificate_signing_requests": data}}
    )
    peers = testing.PeerRelation("ledger", id=1)
    config: dict[str, Any] = {"key-algorithm": algorithm, "certificate-limit": -1}
    before = testing.State(leader=True, relations={peers}, config=config)
    before = context.run(context.on.config_changed(), before)
    before = testing.State(
        leader=True,
        relations={*before.relations, relation},
        secrets=before.secrets,
        config=config,
    )

    def work() -> testing.State:
        return context.run(context.on.relation_changed(relation, remote_unit=0), before)

    if not again:
        return work
    answered = work()
    return lambda: context.run(context.on.update_status(), answered)


def measure(algorithm: str, what: str, number: int) -> dict[str, float]:
    """Return seconds of processor time, which other work on this machine does not change, and the
    peak of memory, in MiB, of this process.
    """
    asked = requests(algorithm, number)
    work = (
        bare(algorithm, asked) if what == "bare" else hook(algorithm, asked, again=what != "hook")
    )
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak": peak}


def main() -> None:
    """Print one line for each algorithm and kind of work."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requesters", type=int, default=1000)
    parser.add_argument("--one", nargs=2, metavar=("ALGORITHM", "WORK"), help="for this program")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one[0], arguments.one[1], arguments.requesters)))
        return
    print(f"{'key':<12}{'work':<12}{'seconds':>9}{'of bare':>9}{'peak':>10}  target")
    for algorithm in ALGORITHMS:
        found: dict[str, dict[str, float]] = {}
        for what in WORK:
            command = [sys.executable, "-W", "ignore", __file__, "--one", algorithm, what]
            command += ["--requesters", str(arguments.requesters)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[what] = json.loads(done.stdout.splitlines()[-1])
            print(line(algorithm, what, found[what], found["bare"]["seconds"]), flush=True)


def line(algorithm: str, what: str, found: dict[str, float], bare_seconds: float) -> str:
    """Return one line of the table."""
    ratio = found["seconds"] / bare_seconds
    target = f"within {TARGET}x" if what == "hook" else ""
    return (
        f"{algorithm:<12}{what:<12}{found['seconds']:>7.2f} s{ratio:>8.2f}x"
        f"{found['peak']:>6.0f} MiB  {target}"
    )


if __name__ == "__main__":
    main()
