"""Telling events as if they had happened on another day."""

import json
from datetime import timedelta

from earshot.moving import moved
from tests.calls import conversation_update, user


def test_every_time_is_moved_and_nothing_else():
    """A day later all times are a day later; what is no time is as it was."""
    event = json.loads(conversation_update([user(1)]).body)
    later = moved(event, timedelta(days=1))
    told, before = later["message"]["messages"][0], event["message"]["messages"][0]
    assert told["timestamp"] == before["timestamp"] + 86_400_000
    assert told["metrics"]["stt"]["timestampMs"] == before["metrics"]["stt"]["timestampMs"] + 86_400_000
    assert later["message"]["call"]["startAt"] == "2026-03-06T09:21:20.063000Z"
    assert moved(later, timedelta(days=-1))["message"]["messages"] == event["message"]["messages"]
    assert told["metrics"]["stt"]["startOffsetMs"] == before["metrics"]["stt"]["startOffsetMs"]
