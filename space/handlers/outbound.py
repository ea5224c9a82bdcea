"""Which addresses a visitor may name: public hosts where the app is public, any on a machine of one's own.

On a hosted app that is only https, usual ports, no password in the address, and no machine but those that
everybody can reach anyway. `outbound_client` holds every request to these rules.
"""

import ipaddress
import os
import socket
from urllib.parse import urlsplit

MAX_ADDRESS = 300
"""Characters of an address."""

PUBLIC = "DSL_DEBUG_PUBLIC"
"""This variable is 1 where the rules for a public app are kept. `launch` sets it where others than this
machine's own users reach the app; 0 says that all of them are trusted."""

PORTS = (443, 8443)
"""Ports that a public app talks to."""

# Public by their numbers, and yet not: Azure answers its own machines there; ways from IPv6 back to IPv4.
_NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("168.63.129.16/32", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20"))
)
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")

NOT_PUBLIC = "this address leads to a machine that is not public: it cannot be reached from here"


def is_public() -> bool:
    """Whether this app runs for everybody: on Hugging Face, or where `PUBLIC` says so."""
    return bool(os.environ.get("SPACE_ID")) or os.environ.get(PUBLIC) == "1"


def base_url(text: str, public: bool) -> str:
    """The address of an endpoint as it is used. Raises ValueError, in one line, for one that is not."""
    text = text.strip().removesuffix("/").removesuffix("/chat/completions")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this address cannot be read") from None
    if len(text) > MAX_ADDRESS or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("this is no address of an endpoint")
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("an address begins with https:// and a host, such as https://api.example.com/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave passwords out of the address: there is a field for the key")
    if parts.query or parts.fragment:
        raise ValueError("leave out what follows the path of the address (? or #)")
    if public:
        check_public(parts.scheme, host, port)
    return text


def check_public(scheme: str, host: str, port: int | None) -> None:
    """Raises ValueError for what a public app does not talk to. Names are not resolved here."""
    if scheme != "https":
        raise ValueError("here only https addresses can be reached; run this app yourself for any other")
    if port not in (None, *PORTS):
        raise ValueError(f"here only the ports {' and '.join(map(str, PORTS))} can be reached")
    if _is_number(host) and not is_public_address(host):
        raise ValueError(NOT_PUBLIC)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:  # a name, which is looked at when it is resolved
        return False
    return True


def is_public_address(text: str) -> bool:
    """Whether everybody reaches the machine of this IP address. Raises ValueError for no address."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public_address(str(address.ipv4_mapped))
        if address not in _GLOBAL_IPV6:
            return False
    known = any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    return address.is_global and not address.is_multicast and not address.is_reserved and not known


def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of a host, as this machine finds them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
