"""Keys are slow to make, and any will do: each kind is made once."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
import time_machine

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)
from tests.unit.provider.scene import context
from tests.unit.provider.story import START, Story

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from ops import testing

    from self_signed_provider.charm import SelfSignedProviderCharm

YEAR = datetime.timedelta(days=365)


def new_key() -> PrivateKey:
    return PrivateKey.generate(key_algorithm="ecdsa", key_size=256)


def make_root(
    key: PrivateKey, name: str = "root", validity: datetime.timedelta = YEAR
) -> Certificate:
    attributes = CertificateRequestAttributes(
        common_name=name, is_ca=True, add_unique_id_to_subject_name=False
    )
    return Certificate.generate_self_signed_ca(attributes, key, validity)


@pytest.fixture(scope="session")
def ca_key() -> PrivateKey:
    return new_key()


@pytest.fixture(scope="session")
def root(ca_key: PrivateKey) -> Certificate:
    return make_root(ca_key)


@pytest.fixture(scope="session")
def other_key() -> PrivateKey:
    return new_key()


@pytest.fixture(scope="session")
def other_root(other_key: PrivateKey) -> Certificate:
    return make_root(other_key, "other")


@pytest.fixture
def story(tmp_path: pathlib.Path) -> Iterator[Story]:
    """An authority that answers two units, at the beginning of 2030."""
    with time_machine.travel(START, tick=False) as clock:
        yield Story(tmp_path, clock)


@pytest.fixture(scope="session")
def leaf_key() -> PrivateKey:
    return new_key()


@pytest.fixture
def ctx() -> testing.Context[SelfSignedProviderCharm]:
    return context()
