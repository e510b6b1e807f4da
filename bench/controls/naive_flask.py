"""The view that a team writes first: check the secret, parse the body, enqueue one RQ job for each stage with it."""

import hmac
import os

from flask import Flask, Response, jsonify, request
from redis import Redis
from rq import Queue

from bench.arms.pipeline import STAGES
from bench.arms.rq_workers import JOB, QUEUE

app = Flask("naive")
_queue = Queue(QUEUE, connection=Redis.from_url(os.environ["REDIS_URL"]))


@app.post("/webhooks/interactly")
def receive() -> tuple[Response, int]:
    """Take in one webhook."""
    if not hmac.compare_digest(request.headers.get("x-interactly-secret", ""), os.environ["WEBHOOK_SECRETS"]):
        return jsonify(error="unauthorized"), 401
    if "message" not in request.get_json():
        return jsonify(error="no message"), 400
    body = request.get_data(as_text=True)
    for stage in STAGES:
        _queue.enqueue(JOB, stage, body, result_ttl=0)
    return jsonify(status="queued"), 202
