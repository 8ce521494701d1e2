"""A short run of every fuzz target; `make fuzz` is the long one.

The same cases each time: nobody's change is to be red for what was broken before it.
"""

import pytest

from tests.fuzz import run
from tests.fuzz.targets import BY_NAME

CASES, SEED = 20, 2


@pytest.mark.parametrize("target", BY_NAME)
def test_fuzz(target: str) -> None:
    """Nothing that a stranger may write raises, or harms what stands beside it."""
    print(f"again: python -m tests.fuzz --target {target} --seed {SEED} --cases {CASES}")
    outcome = run.run_batch(target, SEED, CASES)
    assert outcome.failure is None, outcome.report
