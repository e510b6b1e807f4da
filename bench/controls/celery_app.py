"""The Celery arm: late acknowledgement, no results, the generous prefetch its documentation advises for short tasks."""

import os

from celery import Celery

from bench.controls.store import store

QUEUE = "celery"

app = Celery("bench", broker=os.environ["CELERY_BROKER_URL"])
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=64,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)


run = app.task(store, name="run")
