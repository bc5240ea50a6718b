"""What happens to lent cards, one function each, run as root inside the virtual machine by its agent.

The nodes and pods are processes with a network namespace of their own: that is all a container is to a network card.
What "as it was" means is read here with plain `ip` and sysfs, not with the code under test.
"""

from __future__ import annotations

import difflib
import fcntl
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
import traceback
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines import nic_root
from tasks.engines.files import ledgers
from tasks.engines.programs import interrupts
from tasks.nics import cards as nics_cards
from tasks.nics import condition, udev
from tasks.nics import ledger as nics_ledger
from tasks.nics import pods as nics_pods
from tasks.nics import status as nics_status
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.restoring import NotAsItWas, give_back
from tasks.nics.wish import Wish
from tasks.problems import Problem
from tasks.settings.nics import BY_TASK, LEDGERS, UDEV_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.lack import Lack

LEFT, RIGHT = "0000:01:00.0", "0000:02:00.0"
CLUSTER = "kind"
# Users of the machine: see `init`.
TRUSTED, STRANGER = 1000, 1001
BEFORE = Path("/var/lib/openkasugai-all-in-one/before.json")
README = Path("README.md")
DEADLINE = 60.0


def ip(*words: str, namespace: int = 0) -> Any:
    """Run `ip` in the namespace of a process (this one's where 0) and return what it prints as JSON."""
    enter = ["/bin/busybox", "nsenter", f"--net=/proc/{namespace}/ns/net"] if namespace else []
    done = subprocess.run([*enter, "/bin/ip", "-json", "-details", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else []


def has_link(place: int, bdf: str) -> bool:
    """Return whether the card in a namespace has a link."""
    return "LOWER_UP" in links(place)[bdf]["flags"]


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not so within {DEADLINE:.0f} s: {what}")


def lack_of(asked: Wish, machine: Machine) -> Lack:
    """Return what a node lacks of what is asked for it."""
    return condition.lack(asked, nics_ledger.load(asked.cluster), machine)


def settle() -> None:
    subprocess.run(["/bin/udevadm", "settle", "--timeout=30"], check=True)


def set_count(bdf: str, count: int) -> None:
    Path(f"/sys/bus/pci/devices/{bdf}/sriov_numvfs").write_text(str(count), encoding="utf-8")
    settle()


def functions(bdf: str) -> list[str]:
    """Return the PCI addresses of a card and of its virtual functions."""
    return [bdf, *(path.resolve().name for path in sorted(Path(f"/sys/bus/pci/devices/{bdf}").glob("virtfn*")))]


def links(namespace: int = 0) -> dict[str, dict[str, Any]]:
    """Return the interfaces of PCI functions in a namespace, by PCI address."""
    return {link["parentdev"]: link for link in ip("address", "show", namespace=namespace) if link.get("parentdev")}


def name_of(bdf: str) -> str:
    return str(links()[bdf]["ifname"])


def snapshot(*cards: str) -> str:
    """Return everything of some cards that has to be the same afterwards, as text."""
    found = links()
    state = [_state(bdf, found.get(bdf)) for card in cards for bdf in functions(card)]
    own = {link.get("address") for link in state}
    for setting in (setting for link in state for setting in link.get("vfinfo_list") or []):
        # igb tells there, some time later, the address that a virtual function gave itself.
        setting["address"] = (
            "its own or none" if setting["address"] in {*own, "00:00:00:00:00:00"} else setting["address"]
        )
    return json.dumps(state, indent=1, sort_keys=True)


def assert_same(before: str, *cards: str) -> None:
    """Check that cards are as they were, byte for byte."""
    after = snapshot(*cards)
    assert after == before, "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after"))


def _state(bdf: str, link: dict[str, Any] | None) -> dict[str, Any]:
    folder = Path(f"/sys/bus/pci/devices/{bdf}")
    count = folder / "sriov_numvfs"
    common = {
        "bdf": bdf,
        "driver": (folder / "driver").resolve().name,
        "numvfs": count.read_text(encoding="utf-8") if count.exists() else None,
    }
    if link is None:
        return {**common, "link": None}
    wanted = ("ifname", "address", "mtu", "txqlen", "vfinfo_list")
    family = ("inet", "inet6")
    routes = [route for kind in family for route in ip("-family", kind, "route", "show", "dev", link["ifname"])]
    return {
        **common,
        **{name: link.get(name) for name in wanted},
        "altnames": sorted(link.get("altnames", [])),
        "up": "UP" in link["flags"],
        "addresses": [
            {name: value for name, value in info.items() if not name.endswith("life_time") and name != "tentative"}
            for info in link["addr_info"]
            if not info["local"].startswith("fe80")
        ],
        "routes": [{**route, "flags": []} for route in routes if route["dst"] != "fe80::/64"],
    }


@contextmanager
def container() -> Iterator[int]:
    """Give a process with a network namespace of its own, as a container's first process has."""
    process = subprocess.Popen(["/bin/busybox", "unshare", "-n", "/bin/busybox", "sleep", "100000"])
    own = Path("/proc/self/ns/net").stat().st_ino
    until(lambda: Path(f"/proc/{process.pid}/ns/net").stat().st_ino != own, "a namespace of its own")
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def hand_over(bdf: str, node: int, pod: int) -> str:
    """Give a pod a function of its node, as the SR-IOV CNI plugin does; return the name that it had in the node."""
    name = str(links(node)[bdf]["ifname"])
    ip("link", "set", "dev", name, "netns", str(pod), namespace=node)
    ip("link", "set", "dev", name, "name", "net1", namespace=pod)
    return name


@contextmanager
def pinned(process: int, pin: Path) -> Iterator[None]:
    """Have a file keep a container's namespace, as a container runtime does with a pod's."""
    pin.parent.mkdir(exist_ok=True)
    pin.touch()
    subprocess.run(["/bin/busybox", "mount", "--bind", f"/proc/{process}/ns/net", str(pin)], check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/busybox", "umount", str(pin)], check=True)
        pin.unlink()


def kill(process: int) -> None:
    """Kill a container; the kernel then gives up its namespace in its own time."""
    os.kill(process, signal.SIGKILL)


def wish(task: str = "kind-worker", **changes: Any) -> Wish:
    """Return a wish for the left card (kind-worker) or the right one (kind-worker2)."""
    card = {"kind-worker": LEFT, "kind-worker2": RIGHT}[task]
    name = changes.pop("interface", None) or lent_name(task) or name_of(card)
    asked = {"pattern": f"{name}(v[0-9]+)?", "address": "192.168.20.2/24", "num_vfs": 3, "cluster": CLUSTER, **changes}
    return Wish(row=BY_TASK[task], interface=name, **asked)


def lent_name(task: str) -> str:
    ledger = nics_ledger.load(CLUSTER)
    loan = ledger.loans.get(BY_TASK[task].node(CLUSTER)) if ledger else None
    return ledger.devices[loan.physical_function].name if ledger and loan else ""


def lend(process: int, asked: Wish | None = None) -> Wish:
    """Lend a card to a container and check that everything arrived."""
    asked = asked or wish()
    lend_to(asked, (), Machine({asked.node: process}))
    assert_lent(process, asked)
    return asked


def assert_lent(process: int, asked: Wish) -> None:
    card = {"kind-worker": LEFT, "kind-worker2": RIGHT}[asked.row.task]
    inside, outside = links(process), links()
    own = functions(card)
    assert len(own) == asked.num_vfs + 1, own
    assert set(own) <= set(inside), (own, sorted(inside))
    assert not set(own) & set(outside), sorted(outside)
    found = [f"{info['local']}/{info['prefixlen']}" for info in inside[card]["addr_info"] if info["family"] == "inet"]
    assert found == [asked.address], found
    assert "UP" in inside[card]["flags"]
    assert not lack_of(asked, Machine({asked.node: process}))


def problem_of(action: Callable[[], object]) -> Problem:
    """Return what an action is refused with."""
    try:
        action()
    except Problem as problem:
        return problem
    raise AssertionError("it was not refused")


def dress() -> None:
    """Give the left card what a server's card has: names, addresses, routes, and virtual functions with their own."""
    set_count(LEFT, 2)
    name = name_of(LEFT)
    for words in (
        ("link", "set", "dev", name, "mtu", "1600", "up"),
        ("link", "property", "add", "dev", name, "altname", "storage-uplink"),
        ("address", "add", "10.9.1.1/24", "broadcast", "+", "dev", name),
        ("address", "add", "10.9.1.7/24", "dev", name, "label", f"{name}:a"),
        ("address", "add", "10.9.2.1", "peer", "10.9.2.9/32", "dev", name),
        ("address", "add", "2001:db8::1/64", "nodad", "dev", name),
        ("address", "add", "2001:db8::2/64", "nodad", "dev", name),
        ("route", "add", "10.50.0.0/16", "via", "10.9.1.254", "dev", name, "metric", "77"),
        ("route", "add", "2001:db8:50::/48", "via", "2001:db8::fe", "dev", name),
        ("link", "set", "dev", name, "vf", "1", "vlan", "7"),
    ):
        ip(*words)
    first, second = (links()[bdf]["ifname"] for bdf in functions(LEFT)[1:])
    for further in (
        ("link", "set", "dev", first, "name", "fast0"),
        ("link", "property", "add", "dev", "fast0", "altname", "fast-lane"),
        ("link", "set", "dev", "fast0", "address", "02:11:22:33:44:55"),
        ("link", "set", "dev", second, "up"),
        ("address", "add", "10.9.3.1/24", "dev", second),
    ):
        ip(*further)


def undress() -> None:
    """Put the machine back to what it was after its boot."""
    for device in ip("link", "show", "type", "veth") + ip("link", "show", "type", "bridge"):
        with suppress(AssertionError):
            ip("link", "del", device["ifname"])
    for card in (LEFT, RIGHT):
        set_count(card, 0)
        link = links()[card]
        for name in link.get("altnames", []):
            ip("link", "property", "del", "dev", link["ifname"], "altname", name)
        ip("link", "set", "dev", link["ifname"], "mtu", "1500", "down")
        ip("address", "flush", "dev", link["ifname"])
    assert not list(LEDGERS.glob("*.json")), "a ledger is left"


@contextmanager
def taken(name: str = "", altname: str = "") -> Iterator[None]:
    """Have another interface of the host hold a name."""
    ip("link", "add", name or "thief", "type", "veth", "peer", "name", "thief-peer")
    if altname:
        ip("link", "property", "add", "dev", name or "thief", "altname", altname)
    try:
        yield
    finally:
        ip("link", "del", name or "thief")


def counted() -> list[Any]:
    """Return a list that grows with every change that the tool makes from here on."""
    made: list[Any] = []
    original = nic_root.FUNCTIONS["change"]

    def change(**arguments: Any) -> None:
        made.extend(arguments["steps"])
        original(**arguments)

    nic_root.FUNCTIONS["change"] = change
    return made


# Lending


def create_and_restore() -> None:
    before = snapshot(LEFT, RIGHT)
    with container() as node:
        lend(node)
        give_back(CLUSTER)
        assert nics_ledger.load(CLUSTER) is None
    assert_same(before, LEFT, RIGHT)
    undress()


def everything_a_card_had_comes_back() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=5))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def virtual_functions_that_were_there_are_kept() -> None:
    dress()
    before = snapshot(LEFT)
    macs = {bdf: links()[bdf]["address"] for bdf in functions(LEFT)}
    with container() as node:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        assert {bdf: link["address"] for bdf, link in links(node).items()} == macs
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def seven_functions_for_each_of_two_workers() -> None:
    before = snapshot(LEFT, RIGHT)
    with container() as one, container() as two:
        processes = {"kind-worker": one, "kind-worker2": two}
        first, second = wish(num_vfs=7), wish("kind-worker2", num_vfs=7, address="192.168.20.3/24")
        lend_to(first, (second,), Machine(processes))
        lend_to(second, (first,), Machine(processes))
        assert_lent(one, first)
        assert_lent(two, second)
        give_back(CLUSTER)
    assert_same(before, LEFT, RIGHT)
    undress()


def second_run_changes_nothing() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node)
        written = nics_ledger.path(CLUSTER).stat().st_mtime_ns
        made = counted()
        assert not lack_of(asked, Machine({asked.node: node}))
        lend_to(asked, (), Machine({asked.node: node}))
        assert made == []
        assert nics_ledger.path(CLUSTER).stat().st_mtime_ns == written
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def another_count() -> None:
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=2))
        lend(node, wish(num_vfs=4))
        lend(node, wish(num_vfs=1))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def busy_card_gets_another_count() -> None:
    set_count(LEFT, 2)
    before = snapshot(LEFT)
    with suppress(OSError):
        set_count(LEFT, 4)
        raise AssertionError("the kernel took another count without 0 in between")
    with container() as node:
        lend(node, wish(num_vfs=4))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def busy_card_is_asked_again() -> None:
    """The kernel calls a card busy that has another count already; here somebody else switches that off meanwhile."""
    before = snapshot(LEFT)
    set_count(LEFT, 2)
    step = {"write": f"/sys/bus/pci/devices/{LEFT}/sriov_numvfs", "text": "4"}
    nic_root._BUSY_SECONDS = 1.0
    line = str(problem_of(lambda: nic_root.change([step], [])))
    assert "Device or resource busy" in line, line
    assert len(functions(LEFT)) == 3
    nic_root._BUSY_SECONDS = DEADLINE
    other = threading.Timer(1.0, set_count, (LEFT, 0))
    other.start()
    nic_root.change([step], [])
    other.join()
    assert len(functions(LEFT)) == 5
    set_count(LEFT, 0)
    assert_same(before, LEFT)
    undress()


def only_what_the_expression_matches_is_lent() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = wish(pattern=f"{name_of(LEFT)}v[01]")
        lend_to(asked, (), Machine({asked.node: node}))
        card, first, second, third = functions(LEFT)
        assert set(links(node)) == {card, first, second}
        assert third in links()
        assert not lack_of(asked, Machine({asked.node: node}))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def card_that_something_else_moved_in_is_lent() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = wish()
        ip("link", "set", "dev", asked.interface, "netns", str(node))
        lend(node, asked)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def card_that_is_up_in_its_node_is_lent_again() -> None:
    """Its ledger is gone: it is in its node already and switched on, and a pod has a function of it that is up."""
    before = snapshot(LEFT)
    asked = wish()
    with container() as node, container() as pod:
        set_count(LEFT, 3)
        for bdf in functions(LEFT):
            name = name_of(bdf)
            ip("link", "set", "dev", name, "netns", str(node))
            ip("link", "set", "dev", name, "up", namespace=node)
        held = functions(LEFT)[1]
        hand_over(held, node, pod)
        ip("link", "set", "dev", "net1", "up", namespace=pod)
        for _ in range(2):
            lend_to(asked, (), Machine({asked.node: node}))
            assert not lack_of(asked, Machine({asked.node: node}))
            assert "UP" in links(node)[LEFT]["flags"]
            assert held in links(pod), "what a pod holds stays with it"
        give_back(CLUSTER)
        assert set(functions(LEFT)) <= set(links())
    undress()
    assert_same(before, LEFT)


def function_of_a_container_stays_its_own() -> None:
    """Somebody's container was given a function of the card before: that one is neither lent nor taken away."""
    set_count(LEFT, 3)
    asked = wish()
    with container() as node, container() as theirs:
        held = functions(LEFT)[1]
        ip("link", "set", "dev", name_of(held), "netns", str(theirs))
        ip("link", "set", "dev", links(theirs)[held]["ifname"], "name", "net1", namespace=theirs)
        ip("link", "set", "dev", "net1", "up", namespace=theirs)
        before = snapshot(LEFT)
        lend_to(asked, (), Machine({asked.node: node}))
        assert not lack_of(asked, Machine({asked.node: node}))
        give_back(CLUSTER)
        assert "UP" in links(theirs)[held]["flags"]
        assert nics_ledger.load(CLUSTER) is None
        assert_same(before, LEFT)
    undress()


# Routes


ROUTES = (
    "10.50.0.0/16 via 10.77.0.1 dev {card} onlink",
    "10.51.0.0/16 via 10.9.1.254 mtu lock 1400 advmss 1200 initcwnd 20 hoplimit 5 window 1000 rtt 100ms quickack 1",
    "10.51.0.0/16 via 10.9.1.253 metric 9 features ecn rto_min 20ms",
    "10.52.0.0/16 nexthop via 10.9.1.254 weight 3 nexthop via 10.8.1.254 dev other weight 2 onlink",
    "10.53.0.0/16 dev other src 10.9.1.1",
    "default via 10.9.1.254 table 100 mtu 1300",
    "10.54.0.0/16 tos 0x10 dev {card} proto 77 scope link metric 9",
    "10.55.0.0/16 via inet6 fe80::5 dev {card}",
    "local 10.56.0.0/16 dev {card}",
    "multicast 239.0.0.0/8 dev {card}",
    "throw 10.57.0.0/16 table 100",
)
ROUTES_6 = (
    "default via 2001:db8::fe table 100 pref high mtu 1300",
    "2001:db8:52::/48 nexthop via 2001:db8::fe nexthop via 2001:db8:9::fe dev other weight 3",
    "2001:db8:53::/48 via fe80::1 dev {card} onlink",
    "2001:db8:54::/48 via 2001:db8::fe src 2001:db8::5 metric 7",
    "2001:db8:55::/48 dev {card} metric 5 advmss 1200",
    "2001:db8:56::/48 dev other src 2001:db8::5 metric 8",
)


@contextmanager
def routed() -> Iterator[str]:
    """Give the left card every kind of route, some over another interface too, and a rule; give the card's name."""
    card = name_of(LEFT)
    with taken("other"):
        for name in ("other", "thief-peer", card, name_of(RIGHT)):
            ip("link", "set", "dev", name, "up")
        until(lambda: "LOWER_UP" in links()[LEFT]["flags"], "the card has a link")
        for address, name in (("10.9.1.1/24", card), ("10.8.1.1/24", "other")):
            ip("address", "add", address, "dev", name)
        for address, name in (("2001:db8::1/64", card), ("2001:db8:9::1/64", "other")):
            ip("address", "add", address, "dev", name, "nodad")
        # Looked for by the kernel again after its return: a route from it has to wait.
        ip("address", "add", "2001:db8::5/64", "dev", card)
        until(lambda: not any(info.get("tentative") for info in links()[LEFT]["addr_info"]), "no address is tentative")
        for family, routes in (("inet", ROUTES), ("inet6", ROUTES_6)):
            for route in routes:
                ip("-family", family, "route", "add", *route.format(card=card).split())
        ip("rule", "add", "iif", card, "table", "100")
        yield card
        ip("rule", "del", "iif", card, "table", "100")
        for family in ("inet", "inet6"):
            ip("-family", family, "route", "flush", "table", "100")
    ip("link", "set", "dev", name_of(RIGHT), "down")


def routing() -> str:
    """Return all routes but the kernel's own, and the rules, as `ip` prints them without the state of this moment."""
    words = [(*family, *what) for family in (["-4"], ["-6"]) for what in (["route", "show", "table", "all"], ["rule"])]
    lines = [line for one in words for line in subprocess.run(
        ["/bin/ip", "-o", *one], check=True, capture_output=True, text=True).stdout.splitlines()]  # fmt: skip
    kept = (line.replace(" linkdown", "").replace(" dead", "").strip() for line in lines if "proto kernel" not in line)
    # Of hops in IPv6 the order says nothing.
    hops = (sorted(hop.strip() for hop in line.split("\\")) if "db8:52" in line else [line] for line in kept)
    return "\n".join("\\".join(line) for line in hops)


def routes_of_every_kind_come_back() -> None:
    with routed():
        before, table = snapshot(LEFT), routing()
        with container() as node:
            lend(node)
            lent = routing()
            assert lent != table
            assert "2001:db8:9::fe" in lent, "the other hop of an IPv6 route stays"
            give_back(CLUSTER)
        assert_same(before, LEFT)
        after = routing()
        assert sorted(after.splitlines()) == sorted(table.splitlines()), "\n".join(
            difflib.unified_diff(table.splitlines(), after.splitlines(), "before", "after")
        )
    undress()


def route_that_cannot_come_back_lets_the_cluster_go() -> None:
    """The other interface of a route over two hops went meanwhile: that is said, and nothing else is held up."""
    with container() as node:
        with routed() as card:
            before = snapshot(LEFT)
            lend(node)
        said: list[str] = []
        setattr(progress._listener, "line", said.append)  # noqa: B010 - mypy refuses to assign to a method
        nics_cards.let_go(CLUSTER)
        text = "\n".join(said)
        assert f"{LEFT} {card}: lost the route 10.52.0.0/16" in text, text
        assert "10.50.0.0/16" not in text, "what could come back is not told"
        assert set(functions(LEFT)) <= set(links())
        assert "NM_UNMANAGED=1" not in properties(LEFT), "what is back is managed again"
        assert not udev.complaints(UDEV_RULES)
        assert isinstance(problem_of(lambda: give_back(CLUSTER)), NotAsItWas)
        lend(node)
        ip("link", "add", "other", "type", "veth", "peer", "name", "thief-peer")
        for name in ("other", "thief-peer", name_of(RIGHT)):
            ip("link", "set", "dev", name, "up")
        ip("address", "add", "10.8.1.1/24", "dev", "other")
        ip("address", "add", "2001:db8:9::1/64", "dev", "other", "nodad")
        give_back(CLUSTER)
    assert_same(before, LEFT)
    for family in ("inet", "inet6"):
        ip("-family", family, "route", "flush", "table", "100")
    ip("link", "set", "dev", name_of(RIGHT), "down")
    undress()


def route_that_could_not_come_back_is_refused() -> None:
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    # The kernel takes a nexthop only of a device that has its link.
    carrier = Path(f"/sys/class/net/{name}/carrier")
    until(lambda: carrier.read_text(encoding="ascii").strip() == "1", f"{name} has its link")
    ip("nexthop", "add", "id", "5", "via", "10.9.1.9", "dev", name)
    ip("route", "add", "10.64.0.0/16", "nhid", "5")
    refused_untouched("its route to 10.64.0.0/16 has nhid, which could not be given back")
    ip("nexthop", "del", "id", "5")
    undress()


def any_step_of_lending_may_be_the_last_one() -> None:
    """Stop the tool after each of its steps in turn, and give back what it lent until then."""
    _address_left()
    before = snapshot(LEFT)
    asked = wish(num_vfs=1)
    with container() as node:
        for steps in itertools.count():
            if not _stopped_after(steps, lambda: lend_to(asked, (), Machine({asked.node: node}))):
                break
            give_back(CLUSTER)
            assert_same(before, LEFT)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def any_step_of_giving_back_may_be_the_last_one() -> None:
    """Stop the tool after each of its steps in turn, and lend again what it gave back until then."""
    _address_left()
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node, wish(num_vfs=1))
        for steps in itertools.count():
            if not _stopped_after(steps, lambda: give_back(CLUSTER)):
                break
            assert nics_ledger.load(CLUSTER) is not None, "the ledger went before everything was back"
            lend(node, asked)
    assert_same(before, LEFT)
    undress()


def _address_left() -> None:
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "mtu", "1600", "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)


def _stopped_after(steps: int, action: Callable[[], None]) -> bool:
    """Run an action that is killed after so many steps; return whether it had more of them."""
    left = [steps]
    originals = {name: getattr(nic_root, name) for name in ("_configure", "_write")}

    def counting(original: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            original(*arguments)

        return call

    try:
        for name, original in originals.items():
            setattr(nic_root, name, counting(original))
        action()
    except KeyboardInterrupt:
        return True
    finally:
        for name, original in originals.items():
            setattr(nic_root, name, original)
    return False


# Nodes and pods that die


def node_dies_with_everything_inside() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        inside = {bdf: link["ifname"] for bdf, link in links(node).items()}
        # One name is taken when the kernel gives the devices back.
        with taken(inside[functions(LEFT)[2]]):
            kill(node)
            until(lambda: set(functions(LEFT)) <= set(links()), "the devices are back on the host")
            renamed = [name for name in (link["ifname"] for link in links().values()) if name.startswith("dev")]
            assert len(renamed) == 1, links()
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def restarted_node_gets_its_devices_again() -> None:
    before = snapshot(LEFT)
    with container() as first:
        asked = lend(first)
        names = {bdf: link["ifname"] for bdf, link in links(first).items()}
        with taken(names[functions(LEFT)[1]]):
            kill(first)
            until(lambda: set(functions(LEFT)) <= set(links()), "the devices are back on the host")
        with container() as second:
            assert lack_of(asked, Machine({asked.node: second}))
            lend(second, asked)
            assert {bdf: link["ifname"] for bdf, link in links(second).items()} == names
            give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def pod_dies_with_a_function_inside() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node)
        with container() as pod:
            stray = functions(LEFT)[2]
            name = hand_over(stray, node, pod)
            assert not lack_of(asked, Machine({asked.node: node})), "what a pod holds is not astray"
            lend_to(asked, (), Machine({asked.node: node}))
            assert stray in links(pod), "what a running pod holds was taken away"
        until(lambda: stray in links(), "the kernel gives it to the host, past the node")
        assert lack_of(asked, Machine({asked.node: node}))
        lend(node, asked)
        assert links(node)[stray]["ifname"] == name
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def restore_while_a_pod_holds_a_function() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node, container() as pod:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        hand_over(functions(LEFT)[1], node, pod)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def restore_while_pods_call_theirs_alike() -> None:
    # As many as are lent: they live on, and meet under one name in the initial namespace.
    set_count(LEFT, 4)
    before = snapshot(LEFT)
    with ExitStack() as stack:
        node, *pods = [stack.enter_context(container()) for _ in range(5)]
        lend(node, wish(num_vfs=4))
        for bdf, pod in zip(functions(LEFT)[1:], pods, strict=True):
            hand_over(bdf, node, pod)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def function_that_a_dead_pod_left_behind_comes_back() -> None:
    """A pod's processes are gone, but a file still keeps its namespace; others there keep none any more."""
    before = snapshot(LEFT)
    pin, stale, gone = (Path("/run/netns") / name for name in ("cni-1", "stale", "gone"))
    # No cluster is here to be asked which pods it has.
    pods: dict[str, str] = {}
    nics_pods.holder = lambda link, cluster: pods.get(link.bdf, "")
    with container() as node, container() as pod, pinned(pod, pin):
        stale.touch()
        gone.symlink_to("/proc/4194304/ns/net")
        asked = lend(node)
        stray = functions(LEFT)[2]
        name = hand_over(stray, node, pod)
        kill(pod)
        os.waitid(os.P_PID, pod, os.WEXITED | os.WNOWAIT)
        pods[stray] = "default/calcapp"
        assert not lack_of(asked, Machine({asked.node: node})), "its pod has it still"
        pods.clear()
        assert lack_of(asked, Machine({asked.node: node}))
        lend(node, asked)
        assert links(node)[stray]["ifname"] == name
        ip("link", "set", "dev", name, "netns", str(pin), namespace=node)
        give_back(CLUSTER)
        for file in (stale, gone):
            file.unlink()
    assert_same(before, LEFT)
    undress()


def held_function_forbids_another_count() -> None:
    before = snapshot(LEFT)
    with container() as node, container() as pod:
        lend(node)
        held = functions(LEFT)[1]
        hand_over(held, node, pod)
        made = counted()
        line = problem_of(lambda: lend_to(wish(num_vfs=5), (), Machine({"kind-worker": node}))).message
        assert held in line, line
        assert str(pod) in line, line
        assert made == []
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


# Names that are taken


def name_clash_on_return() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        with taken("fast0"):
            line = str(problem_of(lambda: give_back(CLUSTER)))
            assert f"{functions(LEFT)[1]}: its name fast0" in line, line
            assert nics_ledger.load(CLUSTER) is not None, "the ledger must outlive a failed return"
            assert LEFT in links(), "the others are given back all the same"
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def altname_clash_on_return() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        with taken(altname="storage-uplink"):
            line = str(problem_of(lambda: give_back(CLUSTER)))
            assert "its name storage-uplink is that of thief" in line, line
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def altname_clash_when_a_node_dies() -> None:
    """Older kernels stop with a BUG (CVE-2024-26634) if a device that returns has an altname which is taken."""
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        with taken(altname="storage-uplink"):
            kill(node)
            until(lambda: LEFT in links(), "the card is back on the host")
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def names_that_were_swapped_come_back() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        kill(node)
        until(lambda: set(functions(LEFT)) <= set(links()), "the devices are back on the host")
        one, two = (links()[bdf]["ifname"] for bdf in functions(LEFT)[1:])
        for old, new in ((one, "between"), (two, one), ("between", two)):
            rename(old, new)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def rename(old: str, new: str) -> None:
    """Rename an interface of the host, taking the new name off where udev has made it an altname."""
    settle()
    for link in links().values():
        if new in link.get("altnames", []):
            ip("link", "property", "del", "dev", link["ifname"], "altname", new)
    ip("link", "set", "dev", old, "down")
    ip("link", "set", "dev", old, "name", new)


# Refusals


def default_route_is_refused() -> None:
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    ip("route", "add", "default", "via", "10.9.1.254", "dev", name)
    refused_untouched("default route")
    undress()


def default_route_through_a_function_is_refused() -> None:
    set_count(LEFT, 2)
    name = name_of(functions(LEFT)[2])
    ip("link", "set", "dev", name_of(LEFT), "up")
    ip("link", "set", "dev", name, "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    until(lambda: "LOWER_UP" in links()[functions(LEFT)[2]]["flags"], "the function has a link")
    ip("route", "add", "default", "via", "10.9.1.254", "dev", name)
    refused_untouched(f"its virtual function {name}: the default route")
    undress()


def connection_from_outside_is_refused() -> None:
    """The connection itself is seen, on any port and in both families: sudo and tmux hide SSH_CONNECTION."""
    for address in ("10.9.1.1/24", "2001:db8::1/64"):
        ip("address", "add", address, "dev", name_of(LEFT), *(["nodad"] if ":" in address else []))
    ip("link", "set", "dev", name_of(LEFT), "up")
    with container() as client:
        card = name_of(RIGHT)
        ip("link", "set", "dev", card, "netns", str(client))
        ip("link", "set", "dev", card, "up", namespace=client)
        ip("address", "add", "10.9.1.2/24", "dev", card, namespace=client)
        ip("address", "add", "2001:db8::2/64", "nodad", "dev", card, namespace=client)
        for place, bdf in ((0, LEFT), (client, RIGHT)):
            until(partial(has_link, place, bdf), "the card has a link")
        with connected(client, "10.9.1.1", 22):
            refused_untouched("the SSH connection from 10.9.1.2 goes through it")
        with connected(client, "10.9.1.1", 2222):
            refused_untouched("the TCP connection with 10.9.1.2 (port 2222 here) goes through it")
        with connected(client, "2001:db8::1", 2049):
            refused_untouched("the TCP connection with 2001:db8::2 (port 2049 here) goes through it")
    until(lambda: RIGHT in links(), "the other card is back")
    undress()


@contextmanager
def connected(client: int, address: str, port: int) -> Iterator[None]:
    """Have a container hold a connection to a port of the host."""
    connect = ["/bin/busybox", "nsenter", f"--net=/proc/{client}/ns/net", "/bin/busybox", "nc", address, str(port)]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as server:
        server.settimeout(DEADLINE)
        with subprocess.Popen(connect, stdin=subprocess.PIPE) as process:
            with server.accept()[0]:
                yield
            process.kill()


def bond_member_is_refused() -> None:
    ip("link", "add", "bond9", "type", "bond")
    ip("link", "set", "dev", name_of(LEFT), "master", "bond9")
    refused_untouched("member of bond9")
    ip("link", "del", "bond9")
    undress()


def bridge_member_is_refused() -> None:
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "set", "dev", name_of(LEFT), "master", "br0")
    refused_untouched("member of br0")
    undress()


def card_under_a_vlan_is_refused() -> None:
    ip("link", "add", "link", name_of(LEFT), "name", "office", "type", "vlan", "id", "9")
    refused_untouched("office is built upon it")
    ip("link", "del", "office")
    undress()


def too_many_functions_are_refused() -> None:
    refused_untouched("sriov_totalvfs", num_vfs=8)
    undress()


def device_without_sriov_is_refused() -> None:
    with taken("plain"):
        refused_untouched("no SR-IOV", interface="plain")
    undress()


def pattern_that_matches_others_is_refused() -> None:
    refused_untouched(name_of(RIGHT), pattern="enp.*")
    undress()


def one_card_for_two_workers_is_refused() -> None:
    ip("link", "property", "add", "dev", name_of(LEFT), "altname", "same-card")
    other = wish("kind-worker2", interface="same-card")
    refused_untouched("SRIOV_PF_IF_2", others=(other,))
    undress()


def card_of_another_cluster_is_refused() -> None:
    before = snapshot(LEFT)
    with container() as theirs, container() as mine:
        lend_to(wish(cluster="other"), (), Machine({"other-worker": theirs}))
        ledger = nics_ledger.path("other").read_text()
        made = counted()
        # It may have come back by itself: the ledger still holds it.
        kill(theirs)
        until(lambda: LEFT in links(), "the card is back on the host")
        line = problem_of(lambda: lend_to(wish(interface=name_of(LEFT)), (), Machine({"kind-worker": mine}))).message
        assert "cluster other" in line, line
        assert made == []
        assert nics_ledger.path("other").read_text() == ledger
        give_back("other")
    assert_same(before, LEFT)
    undress()


def refused_untouched(expected: str, others: tuple[Wish, ...] = (), **changes: Any) -> None:
    """Check that a wish is refused with a line that says so, before anything is touched or written."""
    before = snapshot(LEFT, RIGHT)
    with container() as node:
        line = problem_of(lambda: lend_to(wish(**changes), others, Machine({"kind-worker": node}))).message
    assert expected in line, line
    assert "\n" not in line
    assert_same(before, LEFT, RIGHT)
    assert nics_ledger.load(CLUSTER) is None


# What is told


def rule_keeps_network_managers_away() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node)
        stray = functions(LEFT)[2]
        ip("link", "set", "dev", links(node)[stray]["ifname"], "netns", "1", namespace=node)
        until(lambda: "NM_UNMANAGED=1" in properties(stray), "udev marks what comes back, by its `move` event")
        rule = next(UDEV_RULES.glob("*openkasugai*"))
        rule.unlink()
        assert udev.complaints(UDEV_RULES), "a rule that is gone is noticed"
        assert lack_of(asked, Machine({asked.node: node}))
        lend(node, asked)
        assert not udev.complaints(UDEV_RULES)
        give_back(CLUSTER)
        assert not rule.exists()
        assert "NM_UNMANAGED=1" not in properties(LEFT), "what is given back is managed again"
    assert_same(before, LEFT)
    undress()


def rule_is_there_before_the_functions() -> None:
    """What a network manager asks for when a device appears is answered by then."""
    before = snapshot(LEFT)
    order: list[str] = []
    for name, function in list(nic_root.FUNCTIONS.items()):
        nic_root.FUNCTIONS[name] = noting(order, name, function)
    with container() as node:
        lend(node, wish(num_vfs=4))
        assert order.index("keep_ledger") < order.index("keep_rule") < order.index("change"), order
        text = next(UDEV_RULES.glob("*openkasugai*")).read_text(encoding="utf-8")
        assert all(bdf in text for bdf in functions(LEFT))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def noting(order: list[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        order.append(name)
        return function(**arguments)

    return call


def properties(bdf: str) -> list[str]:
    """Return what udev knows of the interface of a PCI function on the host."""
    settle()
    device = f"/sys/class/net/{links()[bdf]['ifname']}"
    done = subprocess.run(
        ["/bin/udevadm", "info", "-q", "property", device], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def way_back_by_hand() -> None:
    """The commands that README.md gives, in case the tool is gone: as they stand there, but for names and values."""
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "mtu", "1600", "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        record = json.loads(nics_ledger.path(CLUSTER).read_text(encoding="utf-8"))["devices"][LEFT]
        address = record["addresses"][0]
        commands = README.read_text(encoding="utf-8").partition("**By hand**")[2].split("\n\n")[1]
        assert len(commands.strip().splitlines()) == 3, commands
        for shown, actual in (
            ("ens9f0np0", record["name"]),
            ("0000:17:00.0", LEFT),
            ("echo 0", f"echo {record['num_vfs']}"),
            ("mtu 1500", f"mtu {record['mtu']}"),
            ("10.0.0.5/24", f"{address['local']}/{address['prefixlen']}"),
        ):
            assert shown in commands, shown
            commands = commands.replace(shown, actual)
        # There is neither Docker nor sudo here, nor a need of them.
        stand_ins = f'set -e; sudo() {{ "$@"; }}; docker() {{ echo {node}; }}\n'
        subprocess.run(["/bin/busybox", "sh", "-c", stand_ins + commands], check=True)
        assert_same(before, LEFT)
        # What is left for the tool is to close the ledger.
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def status_names_every_place() -> None:
    before = snapshot(LEFT, RIGHT)
    with container() as node, container() as pod:
        asked = lend(node)
        held, stray = functions(LEFT)[1:3]
        hand_over(held, node, pod)
        ip("link", "set", "dev", links(node)[stray]["ifname"], "netns", "1", namespace=node)
        rows = nics_status.rows((asked, wish("kind-worker2")), Machine({asked.node: node}))
        places = {row.device: row.place for row in rows}
        assert places[LEFT] == "in kind-worker"
        assert places[held] == f"in the namespace of process {pod} (busybox)"
        assert places[stray] == "on the host"
        assert places[RIGHT] == "on the host"
        assert {row.lent_to for row in rows if row.device != RIGHT} == {"kind-worker"}
        assert len(nics_status.table(rows).splitlines()) == len(rows) + 1
        give_back(CLUSTER)
    assert_same(before, LEFT, RIGHT)
    undress()


# Root


def user_reaches_root_through_sudo() -> None:
    """Everything but the helper runs as the user, who may use sudo."""
    dress()
    before = snapshot(LEFT)
    asked = wish()
    with container() as node:
        assert as_user(TRUSTED, lambda: lend_to(asked, (), Machine({asked.node: node}))) == ""
        assert_lent(node, asked)
        assert as_user(TRUSTED, lambda: give_back(CLUSTER)) == ""
    assert_same(before, LEFT)
    undress()


def user_without_sudo_is_refused() -> None:
    before = snapshot(LEFT)
    asked = wish()
    with container() as node:
        line = as_user(STRANGER, lambda: lend_to(asked, (), Machine({asked.node: node})))
    assert "sudo was refused" in line, line
    assert "\n" not in line
    assert_same(before, LEFT)
    undress()


def run_that_is_stopped_waits_for_root() -> None:
    """A user may not signal what sudo runs: the run waits for it, and nobody else begins meanwhile."""
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        reader, run = started_as_user(TRUSTED, lambda: give_back(CLUSTER))
        # Held here, so that root's part does not end before the run is stopped.
        with (LEDGERS / ".lock").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            (LEDGERS / "go").touch()
            helper = until(helper_process, "root's part has begun")
            until(lambda: ignores(helper, signal.SIGTERM), "it has begun its work")
            os.kill(run, signal.SIGTERM)
            os.kill(helper, signal.SIGTERM)
            until(lambda: not pending(run), "the signal arrived")
            assert os.waitpid(run, os.WNOHANG) == (0, 0), "the run left root alone"
            assert Path(f"/proc/{helper}").exists()
        assert os.waitstatus_to_exitcode(os.waitpid(run, 0)[1]) == 143
        with os.fdopen(reader, encoding="utf-8") as pipe:
            assert pipe.read() == ""
        assert not helper_process()
        (LEDGERS / "go").unlink()
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def helper_process() -> int:
    """Return root's part of the tool, where it runs."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"tasks.engines.nic_root" in words and not words[0].endswith(b"sudo"):
                return int(entry.name)
    return 0


def pending(process: int) -> bool:
    return bool(signals(process, "SigPnd") | signals(process, "ShdPnd"))


def ignores(process: int, number: signal.Signals) -> bool:
    return bool(signals(process, "SigIgn") >> (number - 1) & 1)


def signals(process: int, kind: str) -> int:
    """Return a set of signals of a process, as its status tells it."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition(f"{kind}:")[2].split()[0], 16)


def started_as_user(number: int, action: Callable[[], object]) -> tuple[int, int]:
    """Start an action as a user, as a run does it that a signal may stop; give where it writes its end, and its id."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        os.setgroups([])
        os.setgid(number)
        os.setuid(number)
        interrupts.catch()
        try:
            until((LEDGERS / "go").exists, "the word to go")
            action()
        except SystemExit as end:
            code = int(str(end.code))
        except BaseException:  # noqa: BLE001 - whatever ends it is its result
            os.write(writer, traceback.format_exc().encode())
        os._exit(code)
    os.close(writer)
    return reader, child


def everybody_reads_what_is_lent() -> None:
    """Whatever the umask of whoever lends is, also where an earlier version's was kept."""
    before = snapshot(LEFT)
    asked = wish()
    LEDGERS.mkdir(exist_ok=True)
    for folder in (LEDGERS, LEDGERS.parent):
        folder.chmod(0o700)
    os.umask(0o077)
    with container() as node:
        assert as_user(TRUSTED, lambda: lend_alone(asked, node)) == ""
        rule = next(UDEV_RULES.glob("*openkasugai*"))
        places = (LEDGERS.parent, LEDGERS, nics_ledger.path(CLUSTER), LEDGERS / ".run.lock", LEDGERS / ".lock", rule)
        modes = {str(place): oct(place.stat().st_mode & 0o777) for place in places}
        assert set(modes.values()) == {"0o755", "0o644"}, modes
        assert as_user(STRANGER, lambda: assert_read(nics_ledger.path(CLUSTER))) == ""
        assert as_user(TRUSTED, lambda: nics_cards.restore(CLUSTER)) == ""
    assert_same(before, LEFT)
    undress()


def lend_alone(asked: Wish, node: int) -> None:
    with ledgers.alone(LEDGERS):
        lend_to(asked, (), Machine({asked.node: node}))


def assert_read(ledger: Path) -> None:
    assert nics_ledger.load(ledger.stem) is not None


def as_user(number: int, action: Callable[[], object]) -> str:
    """Run an action as a user, in a process of its own; return what it ended with, or nothing where it succeeded."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(number)
        os.setuid(number)
        os.write(writer, _ending_of(action).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        line = pipe.read()
    os.waitpid(child, 0)
    return line


def _ending_of(action: Callable[[], object]) -> str:
    try:
        action()
    except Problem as problem:
        return problem.message
    except BaseException:  # noqa: BLE001 - whatever ends it is its result
        return traceback.format_exc()
    return ""


# Power cuts


def lend_until_the_ledger_is_written() -> None:
    """Stop where the ledger is on the disk and nothing is touched: the host cuts the power there."""
    _lend_until(changes=0)
    assert snapshot(LEFT) == BEFORE.read_text(encoding="utf-8")


def lend_until_the_functions_are_made() -> None:
    """Stop between the first change and the moves: the host cuts the power there."""
    _lend_until(changes=1)
    assert LEFT in links(), "nothing is moved yet"
    assert len(functions(LEFT)) == 4


def _lend_until(changes: int) -> None:
    """Lend, and stop at the change after so many."""
    dress()
    BEFORE.write_text(snapshot(LEFT), encoding="utf-8")
    os.sync()
    original = nic_root.FUNCTIONS["change"]
    made: list[dict[str, Any]] = []

    def change(**arguments: Any) -> None:
        if len(made) == changes:
            raise KeyboardInterrupt
        made.append(arguments)
        original(**arguments)

    nic_root.FUNCTIONS["change"] = change
    with container() as node, suppress(KeyboardInterrupt):
        lend_to(wish(), (), Machine({"kind-worker": node}))
    assert nics_ledger.load(CLUSTER) is not None


def lend_and_keep() -> None:
    """Lend and leave it like that: the host cuts the power there."""
    dress()
    BEFORE.write_text(snapshot(LEFT), encoding="utf-8")
    os.sync()
    with container() as node:
        lend(node)


def restore_after_the_power_cut() -> None:
    ledger = nics_ledger.load(CLUSTER)
    assert ledger is not None, "the ledger did not survive"
    assert ledger.boot != nics_ledger.fresh(CLUSTER).boot, "it is the same boot"
    give_back(CLUSTER)
    assert_same(BEFORE.read_text(encoding="utf-8"), LEFT)
    undress()


def lend_again_after_the_power_cut() -> None:
    with container() as node:
        lend(node)
        give_back(CLUSTER)
    assert_same(BEFORE.read_text(encoding="utf-8"), LEFT)
    undress()
