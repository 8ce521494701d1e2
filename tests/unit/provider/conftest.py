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


@pytest.fixture(scope="session")
def first_story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The beginning of every story, which is told once."""
    with time_machine.travel(START, tick=False) as clock:
        return Story(tmp_path_factory.mktemp("story"), clock)


@pytest.fixture
def story(first_story: Story) -> Iterator[Story]:
    """An authority that answers two units, at the beginning of 2030."""
    with time_machine.travel(START, tick=False) as clock:
        first_story.tell_again(clock)
        yield first_story


@pytest.fixture(scope="session")
def leaf_key() -> PrivateKey:
    return new_key()


@pytest.fixture
def ctx() -> testing.Context[SelfSignedProviderCharm]:
    return context()
