"""What RQ calls the things it keeps of a stage, from its own templates, and what we call the job of an event."""

from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.queue import Queue
from rq.registry import FailedJobRegistry, ScheduledJobRegistry, StartedJobRegistry
from rq.suspension import WORKERS_SUSPENDED
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

QUEUES_KEY: str = Queue.redis_queues_keys
JOB_PREFIX: str = Job.redis_job_namespace_prefix
SUSPENDED_KEY: str = WORKERS_SUSPENDED


def job_id_of(event_id: str, stage: str) -> str:
    """Name the job of a stage of an event."""
    return f"{event_id}-{stage}"


def event_id_of_job(job_id: str, stage: str) -> str:
    """Name the event of a job in a stage's queue or registry; of somebody else's job there, give its whole id."""
    return job_id.removesuffix(f"-{stage}")


def job_key(job_id: str) -> str:
    """Name the hash of a job."""
    return JOB_PREFIX + job_id


def queue_key(stage: str) -> str:
    """Name the list of the jobs that wait."""
    return Queue.redis_queue_namespace_prefix + stage


def intermediate_key(stage: str) -> str:
    """Name the list of jobs on their way from the queue to a worker."""
    return str(IntermediateQueue.get_intermediate_queue_key(queue_key(stage)))


def started_key(stage: str) -> str:
    """Name the sorted set of the jobs at work, by the end of their leases."""
    return StartedJobRegistry.key_template.format(stage)


def failed_key(stage: str) -> str:
    """Name the sorted set of the dead letters, by the time of failing."""
    return FailedJobRegistry.key_template.format(stage)


def scheduled_key(stage: str) -> str:
    """Name the sorted set of the jobs that pause, by the time when they are due."""
    return ScheduledJobRegistry.key_template.format(stage)


def workers_key(stage: str) -> str:
    """Name the set of the keys of the workers that listen to a queue."""
    return WORKERS_BY_QUEUE_KEY % stage
