"""tasks.nics.emulated: the network of emulated cards, what a node lacks of its own, and whose they are."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.files import ledgers
from tasks.engines.host.routes import Route
from tasks.nics import emulated
from tasks.problems import Problem
from tasks.settings import nics
from tests.unit.conftest import lab
from tests.unit.engine import Container, Engine, node
from tests.unit.engine_server import Archive
from tests.unit.nics.world import OTHER, WISH

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.programs import Programs

NETWORK = emulated.Network("kind", IPv4Network("192.168.20.0/24"), IPv4Address("192.168.20.1"))
NODES = {wish.node: wish for wish in (WISH, OTHER)}


def links(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The interfaces of the first worker with its card, as iproute2 reports them; some of them with other facts."""
    address = {"family": "inet", "local": "192.168.20.2", "prefixlen": 24}
    port = {"linkinfo": {"info_kind": "veth", "info_slave_kind": "bridge", "info_slave_data": {"hairpin": True}}}
    found: dict[str, dict[str, Any]] = {
        "eth0": {"flags": ["UP"], "addr_info": [{"family": "inet", "local": "172.18.0.3", "prefixlen": 16}]},
        "ens9f0np0": {"flags": ["UP"], "altnames": ["emulated-pf"], "addr_info": [address]},
        "esw": {"flags": ["UP"], "addr_info": []},
        "esw-pf": {"flags": ["UP"], "master": "esw", "addr_info": [], **port},
        "eth1": {"flags": ["UP"], "master": "esw", "addr_info": []},
    }
    merged = {name: {**facts, **changes.get(name, {})} for name, facts in found.items()}
    return [{"ifname": name, **facts} for name, facts in merged.items()]


@pytest.fixture
def workers(checkout: Path, engine: Engine) -> Engine:
    """An engine with the workers of a cluster of this checkout."""
    del checkout
    engine.containers.update({name: node("kind", addresses={"kind": "172.18.0.3"}) for name in NODES})
    return engine


def own(engine: Engine, subnet: str = "192.168.20.0/24", **labels: str) -> None:
    """Create the network of the cards, as this checkout does or with other labels."""
    engine.networks["kind-sriov"] = labels or {"openkasugai.made": "1", emulated.CHECKOUT: ledgers.here()}
    engine.subnets["kind-sriov"] = subnet


def packed(name: str) -> bytes:
    """Return an archive of an empty file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return archive.getvalue()


def make(programs: Programs, found: list[dict[str, Any]], before: list[dict[str, Any]] | None = None) -> None:
    """Let the first worker have interfaces, and make its card."""
    done = programs.folder / "done"
    programs.write(
        "docker",
        f"""
case "$*" in
*restart*) touch {done} ;;
*"ip -json"*) if [ -e {done} ]; then echo '{json.dumps(found)}'; else echo '{json.dumps(before or [])}'; fi ;;
esac""",
    )
    emulated.make(WISH, NETWORK)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"ens9f0np0": {"ifname": "ens9f0"}}, "has no emulated ens9f0np0 yet"),
        ({"ens9f0np0": {"altnames": []}}, "has no emulated ens9f0np0 yet"),
        ({"ens9f0np0": {"flags": []}}, "ens9f0np0 is not up with 192.168.20.2/24"),
        ({"ens9f0np0": {"addr_info": []}}, "ens9f0np0 is not up with 192.168.20.2/24"),
        ({"esw-pf": {"linkinfo": {}}}, "ens9f0np0: its switch esw does not send back to the port"),
        ({"esw-pf": {"master": "br0"}}, "ens9f0np0: its switch esw does not send back to the port"),
        ({"eth1": {"master": ""}}, "ens9f0np0: its switch esw has no uplink"),
    ],
)
def test_what_a_card_lacks_is_said(changes: dict[str, Any], says: str) -> None:
    said = emulated.shortfall(WISH, links(**changes))
    assert said.startswith(says)
    assert bool(said) == bool(says)


def test_a_node_gets_its_card_once(workers: Engine, programs: Programs, said: Lines) -> None:
    assert emulated.lack(WISH, NETWORK).reasons == ("kind-worker: has no emulated ens9f0np0 yet",)
    make(programs, links())
    assert workers.networks["kind-sriov"] == {"openkasugai.made": "1", emulated.CHECKOUT: ledgers.here()}
    assert workers.containers["kind-worker"].addresses == {"kind": "172.18.0.3", "kind-sriov": "192.168.20.2"}
    assert said.kept == ["kind-worker has an emulated ens9f0np0 with 192.168.20.2/24 (EMULATE=sriov)"]
    assert not emulated.lack(WISH, NETWORK)
    assert emulated.is_there("kind")
    assert emulated.has_card("kind-worker", "kind")
    assert not emulated.has_card("kind-worker2", "kind")
    workers.containers["kind-worker"].state = "exited"
    assert not emulated.lack(WISH, NETWORK), "it makes its card when it starts"
    workers.containers["kind-worker"].state = "running"
    before = list(workers.requests)
    make(programs, links())
    assert [request for request in workers.requests if request.startswith("POST")] == [
        request for request in before if request.startswith("POST")
    ]


def test_a_node_that_restarted_into_another_network_order_keeps_its_own_address_first(
    workers: Engine, programs: Programs
) -> None:
    """Files come before the network: from the first moment with two addresses on, a restart is safe."""
    make(programs, links())
    changes = [request for request in workers.requests if "kind-worker/archive" in request or "connect" in request]
    assert changes.index("POST /networks/kind-sriov/connect") > changes.index("PUT /containers/kind-worker/archive")
    order = bytes(workers.containers["kind-worker"].files["/etc/gai.conf"])
    assert b"precedence ::ffff:192.168.20.0/120 1\n" in order
    assert b"precedence ::ffff:0:0/96 10\n" in order


def test_another_address_is_put_in_force(workers: Engine, programs: Programs) -> None:
    own(workers)
    workers.containers["kind-worker"].addresses = {"kind-sriov": "192.168.20.9"}
    assert emulated.lack(WISH, NETWORK).reasons == ("kind-worker: address in kind-sriov: 192.168.20.9 -> 192.168.20.2",)
    make(programs, links())
    assert workers.containers["kind-worker"].addresses == {"kind-sriov": "192.168.20.2"}


def test_an_interface_of_the_node_of_that_name_is_left(workers: Engine, programs: Programs) -> None:
    with pytest.raises(Problem, match="SRIOV_PF_IF_1: kind-worker has an interface ens9f0np0 of its own"):
        make(programs, [], links(ens9f0np0={"altnames": []}))
    assert workers.requests == []


def test_a_card_that_does_not_come_is_one_line(workers: Engine, programs: Programs) -> None:
    with pytest.raises(Problem, match="kind-worker: has no emulated ens9f0np0 yet") as caught:
        make(programs, [])
    assert "journalctl -u emulated-card.service" in caught.value.hint


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({"a": "b"}, "docker network kind-sriov was not made by this tool, and is left alone"),
        ({}, "NV_IPAM_SUBNET: 192.168.30.0/24 -> 192.168.20.0/24, but the emulated cards"),
    ],
)
def test_another_network_of_that_name_is_refused_before_anything_is_touched(
    workers: Engine, programs: Programs, labels: dict[str, str], says: str
) -> None:
    own(workers, "192.168.30.0/24", **labels)
    with pytest.raises(Problem, match=says):
        make(programs, links())
    assert emulated.lack(WISH, NETWORK).obstacles
    assert workers.requests == []


def test_the_network_of_another_checkout_is_left_to_it(
    workers: Engine, programs: Programs, other: Path, said: Lines
) -> None:
    own(workers, **{emulated.CHECKOUT: str(other)})
    with pytest.raises(Problem, match=f"kind-sriov was made by the checkout {other}, and is left alone"):
        make(programs, links())
    emulated.take_away("kind")
    assert not emulated.is_there("kind")
    assert (workers.requests, said.kept) == ([], [])
    (other / "dodo.py").unlink()
    assert emulated.is_there("kind")


def test_a_network_that_overlaps_is_named(workers: Engine, programs: Programs) -> None:
    workers.networks["corporate"] = {}
    workers.subnets["corporate"] = "192.168.0.0/16"
    says = r"NV_IPAM_SUBNET: 192.168.20.0/24 overlaps the Docker network corporate \(192.168.0.0/16\)"
    with pytest.raises(Problem, match=says):
        make(programs, links())
    assert emulated.obstacle(NETWORK).startswith("NV_IPAM_SUBNET")
    assert workers.requests == []


@pytest.mark.parametrize("state", ["running", "exited", ""])
def test_cards_are_taken_away_whatever_has_become_of_the_nodes(
    workers: Engine, programs: Programs, said: Lines, state: str
) -> None:
    own(workers)
    programs.put("docker")
    addresses = {"kind": "172.18.0.3", "kind-sriov": "192.168.20.2"}
    files = {"/etc/openkasugai/emulated-card.env": Archive(packed("emulated-card.env"))}
    workers.containers["kind-worker"] = node("kind", addresses=addresses, state=state, files=files)
    if not state:
        del workers.containers["kind-worker"]
    emulated.take_away("kind")
    assert workers.networks == {}
    executed = [call for call in programs.calls if "exec" in call]
    assert [call[2] for call in executed] == (["kind-worker"] if state == "running" else [])
    assert all(one.addresses == {"kind": "172.18.0.3"} for one in workers.containers.values())
    assert said.kept == ["Removed the emulated network cards of cluster kind with the Docker network kind-sriov."]
    emulated.take_away("kind")
    assert len(said.kept) == 1


def test_a_container_of_the_user_in_the_network_keeps_it(workers: Engine, programs: Programs, said: Lines) -> None:
    own(workers)
    programs.put("docker")
    workers.containers["sniffer"] = Container(addresses={"kind-sriov": "192.168.20.99"})
    emulated.take_away("kind")
    assert workers.containers["sniffer"].addresses == {"kind-sriov": "192.168.20.99"}
    assert said.kept == ["Left the Docker network kind-sriov to sniffer."]


def test_without_an_engine_there_are_none(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{checkout}/none.sock")
    assert not emulated.is_there("kind")
    left, other = Route(NETWORK.subnet, "br-0123456789ab"), Route(NETWORK.subnet, "tun0")
    assert emulated.device(NETWORK, [other]) == ""
    assert emulated.device(NETWORK, [other, left]) == "br-0123456789ab", "the engine says whose it is once it runs"
    assert emulated.obstacle(NETWORK) == ""


def test_parameters_say_network_and_cards() -> None:
    chosen = lab(EMULATE="sriov", CLUSTER_NAME="other")
    assert emulated.asked_for(chosen)
    assert not emulated.asked_for(lab(EMULATE="gpu", CONTROLLER_HARDWARE="gpu"))
    assert emulated.network_of(chosen) == replace(NETWORK, cluster="other")
    assert {wish.row for wish in NODES.values()} == set(nics.WORKERS)
