"""Addresses that rules compare: CIDRs as networks, what they cover together, and what stands for what."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, collapse_addresses, ip_network

Network = IPv4Network | IPv6Network

WIDEST = {4: 8, 6: 32}
WIDEST_CONFIDENTIAL = {4: 16, 6: 48}
"""Shortest prefix of what one tenant declares, each destination and all together, by version of IP."""

_BITS = {4: 32, 6: 128}
_NAT64 = IPv6Network("64:ff9b::/96")
"""Addresses that stand for those of IPv4, where a cluster has no IPv4 of its own (RFC 6052)."""
_NEVER_OPEN = tuple(
    map(
        ip_network,
        (
            # The pod or its node itself, link-local (with clouds' metadata), multicast, reserved.
            *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
            *("::/96", "fe80::/10", "ff00::/8"),
            # Clouds' metadata services elsewhere: AWS, Azure, Alibaba, Google, Oracle.
            *("fd00:ec2::/32", "168.63.129.16/32", "100.100.100.200/32"),
            *("fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128", "192.0.0.192/32"),
            # Tunnels and translations, behind which any address may be.
            *("2001::/32", "2002::/16", "64:ff9b:1::/48"),
        ),
    )
)


@lru_cache(maxsize=16_384)
def network(cidr: str) -> Network:
    """The network of a well-formed CIDR."""
    return ip_network(cidr)


def overlap(one: str, other: str) -> bool:
    """Whether two CIDRs of one address family share an address."""
    return _overlap(network(one), network(other))


def never_open(cidr: str) -> str | None:
    """The first place, closed on every cluster, of which a CIDR covers addresses."""
    for read in readings(cidr):
        for place in _NEVER_OPEN:
            if _overlap(read, place):
                return str(place)
    return None


def readings(cidr: str) -> Iterator[Network]:
    """The network, and that of IPv4 behind it where a translator reads it so."""
    read = network(cidr)
    yield read
    if isinstance(read, IPv6Network) and read.overlaps(_NAT64):
        bits = max(read.prefixlen - _NAT64.prefixlen, 0)
        low = int(read.network_address) & (2**32 - 1) if bits else 0
        yield IPv4Network((IPv4Address(low), bits))


def too_wide(cidrs: Iterable[str], widest: dict[int, int]) -> int | None:
    """The shortest prefix that is allowed, where CIDRs cover more than that together; None where not."""
    read = [each for cidr in cidrs for each in readings(cidr)]
    four = collapse_addresses(each for each in read if isinstance(each, IPv4Network))
    six = collapse_addresses(each for each in read if isinstance(each, IPv6Network))
    for version, networks in ((6, six), (4, four)):
        prefix = widest[version]
        if sum(each.num_addresses for each in networks) > 2 ** (_BITS[version] - prefix):
            return prefix
    return None


def public(cidrs: Iterable[str]) -> list[str]:
    """Those CIDRs that hold addresses of the internet."""
    return [cidr for cidr in cidrs if not all(each.is_private for each in readings(cidr))]


def _overlap(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.overlaps(other)
    return isinstance(other, IPv6Network) and one.overlaps(other)
