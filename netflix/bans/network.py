"""The network that somebody means: an address or a network, as it is typed."""

import ipaddress

from netflix.errors import NotAccepted
from netflix.limits.address import counted_as, parsed
from netflix.values import Network


def read(text: str) -> Network:
    """An IPv6 address alone stands for its /64, as it does for the limits. Raises NotAccepted."""
    address = None if "/" in text else parsed(text)
    if address is not None:
        return ipaddress.ip_network(counted_as(text))
    try:
        found = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise slip(f"'{text}' is no address or network. Give one such as 192.0.2.7 or 2001:db8::/48.") from None
    if ipaddress.ip_interface(text.strip()).ip != found.network_address:
        raise slip(f"'{text}' has bits of a host: the network is {found}.")
    return folded(found)


def exactly(text: str) -> Network:
    """As `read`, but an address alone is that one. Raises NotAccepted."""
    address = parsed(text)
    return ipaddress.ip_network(address) if address and "/" not in text else read(text)


def folded(network: Network) -> Network:
    """An IPv4 network as itself when it is written as IPv6: visitors' addresses are folded too."""
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped:
            return ipaddress.IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def slip(sentence: str) -> NotAccepted:
    return NotAccepted({"network": [sentence]})


def around(network: Network) -> list[str]:
    """All networks that cover it, itself first."""
    return [str(network.supernet(new_prefix=length)) for length in range(network.prefixlen, -1, -1)]


def shown(network: Network | str) -> str:
    """As a person would type it: an IPv4 address is one, but alone an IPv6 address stands for more."""
    return str(network).removesuffix("/32") if "." in str(network) else str(network)


def overlaps(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)  # type: ignore[arg-type]
