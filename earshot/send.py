"""`earshot send`: post files to a running ingest, over a few connections, and tell what became of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from queue import SimpleQueue

from earshot.posting import Answer, Poster

IN_HAND_PER_CONNECTION = 4

Tally = Counter[tuple[int, str]]


def send_all(bodies: Iterable[bytes], connect: Callable[[], Poster], *, connections: int) -> Iterator[Answer]:
    """Post bodies and give the answers as they come; few are in memory at a time.

    Raises EarshotError, after those under way have ended, when the ingest cannot be reached.
    """
    posters: SimpleQueue[Poster] = SimpleQueue()
    for _ in range(connections):
        posters.put(connect())

    def post(body: bytes) -> Answer:
        poster = posters.get()
        try:
            return poster.post(body)
        finally:
            posters.put(poster)

    with ThreadPoolExecutor(connections) as pool:
        yield from _bounded(lambda body: pool.submit(post, body), bodies, connections * IN_HAND_PER_CONNECTION)
    while not posters.empty():
        posters.get().close()


def _bounded(submit: Callable[[bytes], Future[Answer]], bodies: Iterable[bytes], limit: int) -> Iterator[Answer]:
    under_way: set[Future[Answer]] = set()
    for body in bodies:
        under_way.add(submit(body))
        if len(under_way) >= limit:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    for future in under_way:
        yield future.result()


def has_refusals(tally: Tally) -> bool:
    """Tell whether any body was not accepted."""
    return any(not Answer(code, outcome).is_accepted for code, outcome in tally)
