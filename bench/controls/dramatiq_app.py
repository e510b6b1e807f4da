"""The Dramatiq arm, as its documentation sets it up; retries and acknowledgement after the work are its defaults."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.controls.store import store

QUEUE = "default"

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))

run = dramatiq.actor(store, actor_name="run")
