"""The battery's own tools: commands are told apart wherever a stream is cut, and the oracle sees each kind of harm."""

import json
from collections.abc import Callable

import pytest

from tests.faults.oracle import difference
from tests.faults.wire import COMPLETE, READY, PostgresWire, RedisWire

PING = b"*1\r\n$4\r\nPING\r\n"
HSET = b"*4\r\n$4\r\nHSET\r\n$8\r\nrq:job:1\r\n$1\r\na\r\n$4\r\n\r\n\r\n\r\n"
SUBSCRIBED = b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
MAP = b"%1\r\n$1\r\na\r\n*2\r\n_\r\n$-1\r\n"


def message(kind: bytes, content: bytes = b"") -> bytes:
    return kind + (4 + len(content)).to_bytes(4, "big") + content


START = (8).to_bytes(4, "big") + bytes(4)
QUERY = message(b"Q", b"commit\0")
PARSE = message(b"P", b"\0-- a purpose\ninsert into messages values ($1)\0\0\0") + message(b"B") + message(b"E")


def cut(stream: bytes, take: Callable[[bytearray], object]) -> list[object]:
    """Feed a stream byte by byte."""
    arrived, found = bytearray(), []
    for byte in stream:
        arrived.append(byte)
        found += list(take(arrived))
    assert not arrived
    return found


def test_commands_of_redis_are_told_apart():
    """Each command is named by its first word and the kind of its key."""
    found = cut(PING + HSET, RedisWire().commands)
    assert found == [("PING", "reply", PING), ("HSET rq:job", "reply", HSET)]


def test_a_push_is_no_reply():
    """What Redis tells unasked is passed on, and answers nothing."""
    found = cut(b"+OK\r\n" + SUBSCRIBED + MAP, RedisWire().replies)
    assert found == [("reply", b"+OK\r\n"), ("", SUBSCRIBED), ("reply", MAP)]


def test_commands_of_postgresql_are_told_apart():
    """A command ends with its execution, also where several are sent before one synchronisation."""
    found = cut(START + QUERY + PARSE + message(b"S"), PostgresWire().commands)
    assert [(name, kind) for name, kind, _ in found] == [
        *(("connect", READY), ("commit", READY), ("insert messages", COMPLETE), ("sync", READY)),
    ]
    assert b"".join(sent for *_, sent in found) == START + QUERY + PARSE + message(b"S")


@pytest.mark.parametrize(("last", "kind"), [(b"C", COMPLETE), (b"E", COMPLETE), (b"Z", READY)])
def test_replies_of_postgresql_end_with_what_answers(last: bytes, kind: str):
    """Rows are passed on with the message that ends them."""
    reply = message(b"T", b"..") + message(b"D", b"Z") + message(last)
    assert cut(reply, PostgresWire().replies) == [(kind, reply)]


def test_the_oracle_sees_each_kind_of_harm():
    """A row too few, too many or different is told by its call."""
    expected = {"messages": [row(call, 1) for call in ("same", "lost", "doubled", "wrong")]}
    found = {"messages": [row("same", 1), row("doubled", 1), row("doubled", 1), row("wrong", 2)]}
    harm = difference(found, expected)
    assert (harm.lost, harm.doubled, harm.wrong) == ({"lost"}, {"doubled"}, {"wrong"})


def row(call_id: str, value: int) -> str:
    return json.dumps({"call_id": call_id, "value": value})
