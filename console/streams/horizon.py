"""The point up to which a reader has seen everything: the oldest transaction that had not ended when it looked.

Rows written by that one or a later one are read again next time, so none is missed, in whatever order writers commit;
some may be told twice.
"""

from console.store import Store
from shared.queries import queries


def read_horizon(store: Store) -> int:
    """Read the present horizon; call it before reading what is to be followed from there."""
    row = store.row(queries("console_changes")["horizon"], {})
    return int(row["horizon"]) if row else 0
