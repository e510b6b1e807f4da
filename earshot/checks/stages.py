"""The queues: how much waits and since when, who works on it, what is stuck, and whether a janitor looks after it."""

from collections.abc import Iterator

from redis import Redis

from earshot.checks.findings import Finding, duration, ok, problem, warning
from earshot.commands.tables import printable
from shared.alerting.channels import is_set_up
from shared.errors import OutOfTurn
from shared.janitors import janitor_of
from shared.queue_figures import ABANDONED_SECONDS, QueueFigures, read_queue
from shared.rq_names import SUSPENDED_KEY
from shared.settings import Settings
from shared.stages import CHANNELS, QUARANTINE, QUEUES

OLD_SECONDS = 60
TOO_OLD_SECONDS = 600


def check_stages(redis: Redis, settings: Settings) -> Iterator[Finding]:
    """Look at each queue, then at what concerns them all. Raises RedisError."""
    for stage in QUEUES:
        figures = read_queue(redis, stage, settings)
        if _is_wanted(stage, settings) or figures.depth:
            yield _queue(figures)
            yield from _leases(figures)
        yield from _retries(figures)
        yield from _dead_letters(figures)
    yield from _suspension(redis)
    yield from _janitor(redis)


def _is_wanted(stage: str, settings: Settings) -> bool:
    return is_set_up(settings, stage) if stage in CHANNELS else stage in (*settings.stages, QUARANTINE)


def _queue(figures: QueueFigures) -> Finding:
    stage, waiting, age = figures.stage, figures.depth, figures.oldest_seconds
    check = f"{stage}.queue"
    text = f"{_jobs(waiting)} waiting" + (f", the oldest for {duration(age)}" if waiting else "")
    if not figures.workers:
        silent = figures.silent_workers
        since = f"; {silent} have given no sign of life" if silent else ""
        remedy = f"Start one: earshot worker {stage} (or earshot up, which starts all)"
        return (problem if waiting else warning)(check, f"{text}, and no worker listens{since}", remedy)
    text += f", {figures.workers} {'worker listens' if figures.workers == 1 else 'workers listen'}"
    remedy = f"Start more workers: earshot worker {stage}. If it never moves, see their log for stage.waiting."
    if waiting and age >= OLD_SECONDS:
        return (problem if age >= TOO_OLD_SECONDS else warning)(check, text, remedy)
    return ok(check, text)


def _leases(figures: QueueFigures) -> Iterator[Finding]:
    stage, over = figures.stage, figures.abandoned
    if over:
        text = (
            f"{_jobs(over)} at work for more than {duration(ABANDONED_SECONDS)} beyond the lease: the worker has died"
        )
        remedy = f"Start a janitor or a worker, which takes them back: earshot janitor, earshot worker {stage}"
        yield problem(f"{stage}.leases", text, remedy)
    elif figures.at_work:
        yield ok(f"{stage}.leases", f"{_jobs(figures.at_work)} at work")


def _retries(figures: QueueFigures) -> Iterator[Finding]:
    stage, number = figures.stage, figures.retrying
    if not number or figures.retry_error == OutOfTurn.__name__:
        return
    waits = "waits for its next attempt" if number == 1 else "wait for their next attempts"
    text = f"{_jobs(number)} failed and {waits}: {printable(figures.retry_error or '')}"
    event_id = printable(figures.retry_event_id or "")
    remedy = f"See why: earshot event {event_id}. What fails at every attempt becomes a dead letter."
    yield warning(f"{stage}.retries", text, remedy)


def _dead_letters(figures: QueueFigures) -> Iterator[Finding]:
    stage, number, age = figures.stage, figures.dead_letters, figures.newest_dead_letter_seconds
    if not number:
        return
    told = "" if age is None else f", the newest {duration(age)} old"
    text = f"{number} dead {'letter' if number == 1 else 'letters'}{told}"
    remedy = f"See why: earshot failed --stage {stage}. Once that is mended: earshot replay --stage {stage}"
    yield warning(f"{stage}.dead_letters", text, remedy)


def _suspension(redis: Redis) -> Iterator[Finding]:
    if redis.exists(SUSPENDED_KEY):
        text = "All workers are told to take no jobs (rq suspend)"
        yield problem("workers.suspended", text, 'Let them go on: rq resume --url "$REDIS_URL"')


def _janitor(redis: Redis) -> Iterator[Finding]:
    holder = janitor_of(redis)
    if holder is None:
        text = "No janitor acts: a job that gets lost stays lost, and no alerts are raised"
        yield problem("janitor", text, "Start one: earshot janitor (or earshot up, which starts all)")
    else:
        yield ok("janitor", f"The janitor {printable(holder)} acts")


def _jobs(number: int) -> str:
    return f"{number} {'job' if number == 1 else 'jobs'}"
