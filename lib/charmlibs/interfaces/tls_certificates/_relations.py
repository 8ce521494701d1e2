"""Relations as they are: going away, dead, or more than were expected. All reading and writing of
databags is here, and none of it raises for what the other side did.
"""

import logging
from collections.abc import Mapping

import ops

_logger = logging.getLogger(__name__)


def active(model: ops.Model, name: str) -> list[ops.Relation]:
    """Return the relations of an endpoint that are not going away, the oldest first."""
    relations = [relation for relation in model.relations.get(name, ()) if relation.active]
    return sorted(relations, key=lambda relation: relation.id)


def is_readable(relation: ops.Relation, entity: ops.Unit | ops.Application | None) -> bool:
    """Tell whether a databag can be read: nothing in it, and no access to it, are two things."""
    if entity is None:
        return False
    try:
        len(relation.data[entity])
    except (ops.ModelError, ops.RelationDataError, KeyError):
        return False
    return True


def read(
    relation: ops.Relation, entity: ops.Unit | ops.Application | None, key: str
) -> str | None:
    """Return a value of a databag; None if there is none, or it cannot be read (any more)."""
    # The remote application of a relation that is dead has no name any more.
    if entity is None:
        return None
    try:
        return relation.data[entity].get(key)
    except (ops.ModelError, ops.RelationDataError, KeyError) as error:
        _logger.debug("cannot read %s of %s in %s: %s", key, entity.name, relation, error)
        return None


def write(
    relation: ops.Relation, entity: ops.Unit | ops.Application, changes: Mapping[str, str]
) -> bool:
    """Write values into a databag, in one go, and leave all others; empty ones are deleted.

    Returns:
        Whether they were written: a relation can be gone without our knowing it yet.
    """
    try:
        relation.data[entity].update(changes)
    except (ops.ModelError, ops.RelationDataError) as error:
        _logger.warning("cannot write %s in %s: %s", ", ".join(changes), relation, error)
        return False
    return True
