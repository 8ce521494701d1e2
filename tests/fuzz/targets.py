"""All targets, by their names."""

from tests.fuzz import charms, hooks, sides, values
from tests.fuzz.target import Target

BY_NAME: dict[str, Target] = {
    target.name: target
    for target in (*values.TARGETS, *sides.TARGETS, *charms.TARGETS, *hooks.TARGETS)
}
