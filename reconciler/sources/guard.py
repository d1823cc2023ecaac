"""Keeps connections out of the runner's own network, whatever a name resolves to.

The address that is checked is the one that is connected to: a name that resolves to
another address the next time (DNS rebinding) gets no second look-up.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.diagnostics.text import printable

PRIVATE_VARIABLE = "RECONCILER_PRIVATE_SOURCES"
CONNECT_SECONDS = 10.0
_NAT64 = IPv6Network("64:ff9b::/96")
_NEVER = tuple(
    IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible (RFC 4291, deprecated), with :: and ::1
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b:1::/48",  # NAT64 inside a network (RFC 8215)
        "fec0::/10",  # site-local (RFC 3879, deprecated)
    )
)
"""IPv6 networks that lead inside, and that `is_global` does not know as such."""


class Guard:
    """Opens sockets to public addresses, and to hosts that the environment names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        names = environment.get(PRIVATE_VARIABLE, "").lower().split(",")
        self._private = {name.strip() for name in names} - {""}

    def connect(self, host: str, port: int) -> socket.socket:
        """Connect to a host. Raises DiagnosticError (R911) for one inside, else OSError."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for _, _, _, _, address in found:
            self._check(host, str(address[0]))
        failure: OSError = ConnectionError("the name has no address")
        for family, kind, protocol, _, address in found:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(CONNECT_SECONDS)
                connection.connect(address)
            except OSError as error:
                connection.close()
                failure = error
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
        raise failure

    def check_name(self, host: str) -> None:
        """Refuse what is inside by its very name: all that can be told where a proxy resolves."""
        name = host.lower().rstrip(".")
        address = _written_as(name)
        if address:
            self._check(host, address)
        elif name == "localhost" or name.endswith((".localhost", ".internal", ".local")):
            self._check(host, "127.0.0.1")

    def _check(self, host: str, address: str) -> None:
        if is_public(address) or host.lower() in self._private:
            return
        raise DiagnosticError(
            codes.INSIDE_NETWORK.error(
                f"{printable(host, 100)} is {printable(address, 60)}, an address inside the "
                "runner's network.",
                hint=f"Where that is meant: export {PRIVATE_VARIABLE}={printable(host, 100)}",
            )
        )


def _written_as(name: str) -> str:
    """Return the address that a name is, "" for none; 127.1 and 0x7f.1 are addresses, too."""
    try:
        return str(ip_address(name.strip("[]")))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return ""


def is_public(text: str) -> bool:
    """Tell whether an address is on the internet: not loopback, private, link-local, CGNAT,
    unique local, reserved or multicast, nor an IPv6 form of such an IPv4 address.
    """
    address = ip_address(text.partition("%")[0])
    if any(address in network for network in _NEVER):
        return False
    inner = _inner(address) if isinstance(address, IPv6Address) else None
    if inner is not None:
        address = inner
    return address.is_global and not address.is_multicast


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for, None where it is just itself."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
