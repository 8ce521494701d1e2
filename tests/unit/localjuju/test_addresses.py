"""Addresses that no two controllers give out."""

from __future__ import annotations

import random
from itertools import islice

from localjuju.addresses import AddressPool


def test_two_pools_never_clash() -> None:
    """Even if they draw the same blocks at random, two controllers have different addresses."""
    first, second = AddressPool(random.Random(1)), AddressPool(random.Random(1))
    try:
        taken = set(islice(first, 600)), set(islice(second, 600))
        assert len(taken[0]) == len(taken[1]) == 600
        assert not taken[0] & taken[1]
    finally:
        first.close()
        second.close()


def test_block_is_free_again() -> None:
    """When a controller has ended, another may have its addresses."""
    first = AddressPool(random.Random(2))
    address = next(first)
    first.close()
    second = AddressPool(random.Random(2))
    try:
        assert next(second) == address
    finally:
        second.close()
