"""A short run of every fuzz target; `make fuzz` is the long one.

The seed is another one each time: what fails here is told with the command that has it again.
"""

import random

import pytest

from tests.fuzz import run
from tests.fuzz.targets import BY_NAME

CASES = 20


@pytest.mark.parametrize("target", BY_NAME)
def test_fuzz(target: str) -> None:
    """Nothing that a stranger may write raises, or harms what stands beside it."""
    seed = random.SystemRandom().randrange(10**9)
    print(f"again: python -m tests.fuzz --target {target} --seed {seed} --cases {CASES}")
    outcome = run.run_batch(target, seed, CASES)
    assert outcome.failure is None, outcome.report
