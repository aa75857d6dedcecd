"""Who is shut out, as a process knows it."""

import ipaddress
import math
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from netflix import clock
from netflix.bans.table import Table, packed
from netflix.values import Network

NETWORKS = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
).map(lambda drawn: ipaddress.ip_network(drawn, strict=False))
IN_AN_HOUR = (clock.now() + timedelta(hours=1)).timestamp()
ENDS = st.sampled_from([math.inf, IN_AN_HOUR, IN_AN_HOUR + 60, 1.0])


@given(st.lists(st.tuples(NETWORKS, st.none() | ENDS), max_size=20), st.lists(NETWORKS, min_size=1))
def test_it_says_what_going_through_all_bans_would(
    orders: list[tuple[Network, float | None]], asked: list[Network]
) -> None:
    table, last = Table(), dict[Network, float | None]()
    for network, until in orders:
        table.put(str(network), until)
        last[network] = until
    for address in [one.network_address for one in [*asked, *last]]:
        folded = getattr(address, "ipv4_mapped", None) or address
        ends = [until for network, until in last.items() if until and folded in network]
        live = [until for until in ends if until > clock.now().timestamp()]
        assert table.until(str(address)) == (max(live) if live else None)


@given(NETWORKS)
def test_a_network_is_read_as_the_library_reads_it(network: Network) -> None:
    assert packed(str(network)) == (
        network.version,
        network.max_prefixlen - network.prefixlen,
        int(network.network_address) >> network.max_prefixlen - network.prefixlen,
    )


def test_garbage_is_nobody_s_address() -> None:
    table = Table()
    table.put("0.0.0.0/0", math.inf)
    assert table.until("unknown") is None
    assert table.until("") is None


def test_what_has_ended_is_forgotten() -> None:
    table = Table()
    table.put("192.0.2.0/24", 1.0)
    table.put("198.51.100.0/24", math.inf)
    table._swept -= 3600
    table.sweep()
    ((_, kept),) = table._lengths[4]
    assert list(kept.values()) == [math.inf]
