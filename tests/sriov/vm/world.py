"""The machine as scenarios see and change it: through plain `ip` and sysfs, not through the code under test.

The nodes and pods are processes with a network namespace of their own: to a network card, a container is no more.
"""

from __future__ import annotations

import difflib
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.engines import nic_root
from tasks.nics import condition
from tasks.nics import ledger as nics_ledger
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.wish import Wish
from tasks.problems import Problem
from tasks.settings.nics import BY_TASK, LEDGERS

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
    """Run `ip` in the namespace of a process (0: of this one) and return what it prints as JSON."""
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
    """Return what a node lacks of what is wished for it."""
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
    """Return, as text, everything about some cards that must be the same afterwards."""
    found = links()
    state = [_state(bdf, found.get(bdf)) for card in cards for bdf in functions(card)]
    own = {link.get("address") for link in state}
    for setting in (setting for link in state for setting in link.get("vfinfo_list") or []):
        # igb reports there, after some time, the address that a virtual function gave itself.
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
    """Start a process with a network namespace of its own, like a container's first process; yield its ID."""
    process = subprocess.Popen(["/bin/busybox", "unshare", "-n", "/bin/busybox", "sleep", "100000"])
    own = Path("/proc/self/ns/net").stat().st_ino
    until(lambda: Path(f"/proc/{process.pid}/ns/net").stat().st_ino != own, "a namespace of its own")
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def hand_over(bdf: str, node: int, pod: int) -> str:
    """Give a pod a function of its node, as the SR-IOV CNI plugin does; return its name in the node."""
    name = str(links(node)[bdf]["ifname"])
    ip("link", "set", "dev", name, "netns", str(pod), namespace=node)
    ip("link", "set", "dev", name, "name", "net1", namespace=pod)
    return name


@contextmanager
def pinned(process: int, pin: Path) -> Iterator[None]:
    """Keep a container's namespace alive by a file, as a container runtime does for a pod."""
    pin.parent.mkdir(exist_ok=True)
    pin.touch()
    subprocess.run(["/bin/busybox", "mount", "--bind", f"/proc/{process}/ns/net", str(pin)], check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/busybox", "umount", str(pin)], check=True)
        pin.unlink()


def kill(process: int) -> None:
    """Kill a container; the kernel then releases its namespace some time later."""
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
    """Return the problem with which an action is refused."""
    try:
        action()
    except Problem as problem:
        return problem
    raise AssertionError("it was not refused")


def dress() -> None:
    """Set up the left card like a server's card: names, addresses, routes, and virtual functions with their own."""
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
    """Restore the machine's state after its boot."""
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
    """Give a name to another interface of the host."""
    ip("link", "add", name or "thief", "type", "veth", "peer", "name", "thief-peer")
    if altname:
        ip("link", "property", "add", "dev", name or "thief", "altname", altname)
    try:
        yield
    finally:
        ip("link", "del", name or "thief")


def counted() -> list[Any]:
    """Return a list that grows with every change that the tool makes from now on."""
    made: list[Any] = []
    original = nic_root.FUNCTIONS["change"]

    def change(**arguments: Any) -> None:
        made.extend(arguments["steps"])
        original(**arguments)

    nic_root.FUNCTIONS["change"] = change
    return made


def refused_untouched(expected: str, others: tuple[Wish, ...] = (), **changes: Any) -> None:
    """Check that a wish is refused with the expected line, before anything is touched or written."""
    before = snapshot(LEFT, RIGHT)
    with container() as node:
        line = problem_of(lambda: lend_to(wish(**changes), others, Machine({"kind-worker": node}))).message
    assert expected in line, line
    assert "\n" not in line
    assert_same(before, LEFT, RIGHT)
    assert nics_ledger.load(CLUSTER) is None


def properties(bdf: str) -> list[str]:
    """Return what udev knows about the interface of a PCI function on the host."""
    settle()
    device = f"/sys/class/net/{links()[bdf]['ifname']}"
    done = subprocess.run(
        ["/bin/udevadm", "info", "-q", "property", device], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()
