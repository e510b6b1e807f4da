"""Which addresses may be spoken to: public ones, and those of networks that were allowed by name.

A name is resolved once, here. Who connects does so to the very address that was checked, so that a name server that
gives another answer the next time gains nothing.
"""

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from shared.errors import NotDelivered, Undeliverable
from workers.delivery.deadline import Deadline

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str], Sequence[str]]

# Whatever is not in here is for a house, a link or a special purpose, or for nothing.
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# These for special purposes are public to some versions of Python.
_SPECIAL: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("3fff::/20"),
)


def resolve(host: str) -> list[str]:
    """Ask the system for the addresses of a host. Raises OSError, and UnicodeError for a name that is none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard:
    """Finds the addresses of hosts, and refuses those that must not be spoken to."""

    def __init__(self, allowed: Sequence[Network], resolve_host: Resolve = resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve_host

    def addresses_of(self, host: str, deadline: Deadline) -> list[str]:
        """Find the addresses of a host. Raises Undeliverable if any is refused, NotDelivered if there is none."""
        found = self._found(host, deadline)
        if not all(self.permits(ip_address(address)) for address in found):
            raise Undeliverable("an address of the receiver is not public, nor in ALERT_ALLOWED_NETWORKS")
        return found

    def permits(self, address: Address) -> bool:
        """Tell whether an address may be spoken to; one that stands for another is judged by both."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            return self.permits(address.ipv4_mapped)
        if any(address in network for network in self._allowed):
            return True
        inner = _embedded(address)
        return _is_public(address) and (inner is None or self.permits(inner))

    def _found(self, host: str, deadline: Deadline) -> list[str]:
        # The system's resolver takes as long as it likes and heeds no signal; it is left alone when the time is up.
        answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()
        threading.Thread(target=self._ask, args=(host, answers), daemon=True).start()
        try:
            answer = answers.get(timeout=deadline.left())
        except (queue.Empty, TimeoutError):
            raise NotDelivered(f"the receiver's name was not resolved within {deadline}") from None
        if isinstance(answer, Exception) or not answer:
            raise NotDelivered(f"the receiver's name has no address: {type(answer).__name__}")
        return answer

    def _ask(self, host: str, answers: "queue.SimpleQueue[list[str] | Exception]") -> None:
        try:
            answers.put(list(self._resolve(host)))
        except (OSError, UnicodeError) as error:
            answers.put(error)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return address in _NAT64
    is_special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not is_special


def _embedded(address: Address) -> IPv4Address | None:
    """Give the IPv4 address that a gateway would pass on to."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.sixtofour
