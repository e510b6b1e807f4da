"""What a reader was told of each row, so that nothing is told twice in the same words. Pure."""

from collections.abc import Iterable

from console.streams.changes import Change


class Told:
    """Remembers of each row what was told last, and who wrote it: of `most` rows, those that were told last."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._rows: dict[tuple[str, str], tuple[int, int]] = {}

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._rows)

    def news(self, changes: Iterable[Change]) -> list[Change]:
        """Sort out what was told in the same words, and remember the rest."""
        return [change for change in changes if self._is_news(change)]

    def forget_before(self, horizon: int) -> None:
        """Forget what was written by transactions below a horizon: it is not read again."""
        self._rows = {key: told for key, told in self._rows.items() if told[1] >= horizon}

    def _is_news(self, change: Change) -> bool:
        key = (change.event, change.key)
        before = self._rows.pop(key, None)
        # Of the words a number of 64 bits is enough.
        self._rows[key] = (hash(change.row), change.writer)
        if self._most is not None and len(self._rows) > self._most:
            del self._rows[next(iter(self._rows))]
        return before is None or before[0] != hash(change.row)
