"""How long events wait that a killed worker had: at most a minute, with the settings as they come."""

from tests.integration.test_batches import body
from tests.integration.test_worker import count, count_blocked, leftovers
from tests.programs import program, wait_for

RECOVERY_SECONDS = 60
EVENTS = 20


def test_a_killed_workers_batch_is_stored_within_a_minute(publish, redis, database, settings_of_programs, tmp_path):
    """With default settings, what a worker held when it was killed is stored by another within 60 s, once."""
    settings = {name: value for name, value in settings_of_programs.items() if name.endswith("_URL")}
    for number in range(EVENTS):
        publish(body(number))
    with program("worker", "transcripts", settings=settings, log=tmp_path / "log") as worker:
        with database.transaction():
            database.execute("lock table messages in access exclusive mode")
            wait_for(lambda: count_blocked(database) == 1)
            worker.kill()
        worker.wait()
    assert redis.zcard("rq:wip:transcripts") == EVENTS
    with program("worker", "transcripts", settings=settings, log=tmp_path / "log"):
        wait_for(lambda: not any("-transcripts" in key for key in leftovers(redis)), seconds=RECOVERY_SECONDS)
    assert count(database, "calls") == EVENTS
    assert count(database, "messages") == 5 * EVENTS
