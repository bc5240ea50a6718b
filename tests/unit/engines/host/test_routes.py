"""Routes as iproute2 writes them."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import routes
from tasks.problems import Problem

if TYPE_CHECKING:
    from tests.unit.programs import Programs

ANSWER = [
    {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0", "flags": []},
    {"dst": "172.17.0.0/16", "dev": "docker0", "protocol": "kernel", "scope": "link", "flags": ["linkdown"]},
    {"type": "blackhole", "dst": "10.1.0.0/16", "flags": []},
    {"dst": "192.0.2.9", "dev": "wg0", "scope": "link", "flags": []},
]


def test_routes_are_read_without_the_default_route(programs: Programs) -> None:
    programs.put("ip", json.dumps(ANSWER))
    assert routes.routes() == (
        routes.Route(IPv4Network("172.17.0.0/16"), "docker0"),
        routes.Route(IPv4Network("10.1.0.0/16"), "blackhole"),
        routes.Route(IPv4Network("192.0.2.9/32"), "wg0"),
    )


def test_no_route_at_all_is_an_empty_answer(programs: Programs) -> None:
    programs.put("ip")
    assert routes.routes() == ()


def test_an_answer_of_another_ip_program_is_one_line(programs: Programs) -> None:
    programs.put("ip", "default via 192.0.2.1 dev eth0")
    with pytest.raises(Problem, match="the answer is no JSON"):
        routes.routes()


@pytest.mark.parametrize(("default", "mtu"), [(["eth0"], 1450), (["eth0", "wg0"], 1420), ([], None)])
def test_the_mtu_is_the_smallest_of_the_default_routes(programs: Programs, default: list[str], mtu: int | None) -> None:
    links = [{"ifname": name, "mtu": size} for name, size in {"lo": 100, "eth0": 1450, "wg0": 1420}.items()]
    told = [{"dst": "default", "dev": device} for device in default]
    programs.put("ip", answers={"route show default": json.dumps(told), "link show": json.dumps(links)})
    assert routes.default_mtu() == mtu
