"""A dual-port ConnectX-5 with eight virtual functions on each port, recorded as `ip -json` and sysfs show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.engines.host.namespaces import Namespace, World, parse

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
HOST = 4026531840
NODE = 4026532000
POD = 4026533000
LEFT, RIGHT = "0000:17:00.0", "0000:17:00.1"


def links() -> list[dict[str, Any]]:
    """Return what `ip -json -details address show` prints on the host."""
    found: list[dict[str, Any]] = json.loads((HERE / "ip-address.json").read_text(encoding="utf-8"))
    return found


def make_sysfs(root: Path) -> None:
    """Make the part of sysfs that is read below `root`: files, and links where a value begins with an arrow."""
    tree = json.loads((HERE / "sysfs.json").read_text(encoding="utf-8"))
    for bdf, entries in tree.items():
        folder = root / "bus" / "pci" / "devices" / bdf
        folder.mkdir(parents=True)
        for name, value in entries.items():
            if value.startswith("-> "):
                (folder / name).symlink_to(value.removeprefix("-> "))
            else:
                (folder / name).write_text(f"{value}\n", encoding="utf-8")


def world(inside: Callable[[dict[str, Any]], int] = lambda _: HOST) -> World:
    """Return host, node and pod, with each interface where `inside` says."""
    spaces = {
        HOST: Namespace(HOST, "/proc/self/ns/net", host=True),
        NODE: Namespace(NODE, "/proc/100/ns/net", node="kind-worker", process=100, command="systemd"),
        POD: Namespace(POD, "/proc/200/ns/net", process=200, command="calcapp", pod="a-b-c"),
    }
    return World(
        tuple(
            Namespace(**{**vars(space), "links": tuple(parse(link) for link in links() if inside(link) == inode)})
            for inode, space in spaces.items()
        )
    )
