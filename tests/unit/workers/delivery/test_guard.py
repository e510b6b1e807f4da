"""The guard: which addresses may be spoken to, and that a name is resolved once."""

import threading
from ipaddress import ip_address, ip_network

import pytest

from shared.errors import NotDelivered, Undeliverable
from workers.delivery.connection import connect
from workers.delivery.deadline import Deadline
from workers.delivery.guard import Guard, resolve

PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"]
REFUSED = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.9.10", "169.254.169.254", "172.16.0.1"),
    *("192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1"),
    *("240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1"),
    *("2002:a9fe:a9fe::1", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "ff02::1"),
    *("fec0::1", "192.88.99.1", "3fff::1"),
]


def guard(*allowed: str, resolve_host=resolve) -> Guard:
    """Make a guard that allows networks."""
    return Guard([ip_network(network) for network in allowed], resolve_host)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address):
    """What anybody on the Internet can reach may be spoken to."""
    assert guard().permits(ip_address(address))


@pytest.mark.parametrize("address", REFUSED)
def test_all_others_are_refused(address):
    """Neither this machine, its networks and its cloud's metadata, nor what only stands for them, may be."""
    assert not guard().permits(ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_a_network_that_is_allowed_is_permitted(address):
    """ALERT_ALLOWED_NETWORKS opens a network, however its addresses are written, and no other."""
    assert guard("10.0.0.0/8").permits(ip_address(address))
    assert not guard("10.0.0.0/8").permits(ip_address("192.168.0.1"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "localhost", "0"])
def test_a_private_host_is_refused_however_it_is_written(host):
    """Numbers that stand for this machine are resolved before they are judged."""
    with pytest.raises((Undeliverable, NotDelivered)):
        guard().addresses_of(host, Deadline(5))


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    """A name server cannot hide a private address behind a public one."""
    with pytest.raises(Undeliverable):
        guard(resolve_host=lambda _: ["1.1.1.1", "10.0.0.1"]).addresses_of("example.org", Deadline(5))


def test_a_second_answer_of_the_name_server_gains_nothing(monkeypatch):
    """The connection goes to the address that was checked: a name is resolved once, and no name is connected to."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    reached = []
    monkeypatch.setattr("socket.create_connection", lambda address, _: reached.append(address) or _Connection())
    connect("example.org", 443, guard(resolve_host=lambda _: next(answers)), Deadline(5))
    assert reached == [("93.184.215.14", 443)]
    assert next(answers) == ["127.0.0.1"]


def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch):
    """Of several addresses the first that answers is taken."""

    def connect_to(address, _):
        if address[0] == "1.1.1.1":
            raise ConnectionRefusedError
        return _Connection()

    monkeypatch.setattr("socket.create_connection", connect_to)
    assert connect("example.org", 443, guard(resolve_host=lambda _: ["1.1.1.1", "1.0.0.1"]), Deadline(5))


def test_a_name_that_is_not_resolved_in_time_is_not_waited_for():
    """A name server that never answers costs no more than the deadline."""
    given_up = threading.Event()

    def answer_late(_):
        given_up.wait(60)
        return []

    with pytest.raises(NotDelivered, match="not resolved within"):
        guard(resolve_host=answer_late).addresses_of("example.org", Deadline(0.05))
    given_up.set()


@pytest.mark.parametrize("host", ["does-not-exist.invalid", "." * 300, "a" * 300])
def test_a_name_without_an_address_is_tried_again(host):
    """It may be there later."""

    def find_nothing(_):
        raise OSError("no such name")

    with pytest.raises(NotDelivered):
        guard(resolve_host=find_nothing).addresses_of(host, Deadline(5))
    with pytest.raises(NotDelivered):
        guard(resolve_host=lambda _: []).addresses_of(host, Deadline(5))


class _Connection:
    def setsockopt(self, *_):
        """Take any option."""
