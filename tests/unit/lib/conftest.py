import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import time_machine

from charmlibs.interfaces.tls_certificates import Certificate, _issuing
from tests.unit.lib import keys, linting, requirers

if TYPE_CHECKING:
    from tests.unit.lib.story import Story

# How long an example takes says more of the machine than of the code. Where `CI` is set they are
# the same each time, for nobody's change is to be red for what was broken before it.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def clock() -> Iterator[Any]:
    """A clock that stands still until the test moves it."""
    with time_machine.travel(requirers.NOW, tick=False) as traveller:
        keys.forget_authorities()
        yield traveller
    keys.forget_authorities()


@pytest.fixture
def story(tmp_path: Path) -> "Iterator[Story]":
    """A world of hooks in Juju's own order."""
    # The stand-in for Juju needs a newer ops than the library, which is tested with older ones.
    from tests.unit.lib.story import START, Story  # noqa: PLC0415

    with time_machine.travel(START, tick=False) as traveller:
        keys.forget_authorities()
        yield Story(tmp_path, traveller)
    keys.forget_authorities()


@pytest.fixture(autouse=True)
def every_certificate_is_linted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each certificate that a test makes passes OpenSSL's strict check and pkilint."""
    made: dict[Certificate, list[Certificate]] = defaultdict(list)
    sign, self_signed_ca = _issuing.sign, _issuing.self_signed_ca

    def signing(csr: Any, ca: Certificate, *arguments: Any, **options: Any) -> Certificate:
        certificate = sign(csr, ca, *arguments, **options)
        made[ca].append(certificate)
        return certificate

    def making_ca(*arguments: Any) -> Certificate:
        ca = self_signed_ca(*arguments)
        made[ca].append(ca)
        return ca

    monkeypatch.setattr(_issuing, "sign", signing)
    monkeypatch.setattr(_issuing, "self_signed_ca", making_ca)
    yield
    for ca, certificates in made.items():
        for one in certificates:
            assert linting.findings(one) == []
        with tempfile.TemporaryDirectory() as folder:
            verified = linting.openssl_verify(Path(folder), ca, certificates)
        assert verified.returncode == 0, verified.stdout + verified.stderr
