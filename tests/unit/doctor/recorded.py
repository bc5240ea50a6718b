"""A recording of the manual's server, and machines that differ from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tasks.doctor.server import Server
from tasks.engines.host.facts import Answer
from tasks.problems import Problem
from tasks.settings import nics, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc)
GB = 10**9
# Stands for the socket of the machine's engine, in file names and in cures.
SOCKET = "/the/engine's/socket"
CERT_URL = "http://192.168.10.100/harbor/ca.crt"
CA = b"<the CA of the fixture>"
# Stands for the folder of the CAs that Docker trusts, in file names.
TRUST = "/the/trust/of/Docker"
TRUSTED = f"{TRUST}/192.168.10.100/ca.crt"
PROC_NET_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 11551 1
"""

# The interface names of the manual's cards, one for each worker.
_MANUAL = parameters.validated(layers.read(paths.ROOT, {"PROFILE": "physical"}))
CARDS = {str(getattr(_MANUAL, row.interface.lower())): f"0000:17:00.{port}" for port, row in enumerate(nics.WORKERS)}
PORT = {"vendor": "0x15b3", "device": "0x1019", "class": "0x020000", "sriov_totalvfs": "8", "sriov_numvfs": "0"}
# The manual's server: eight cores, 32 GB, one A100 and a ConnectX-5 with two ports.
FILES: dict[str, str] = {
    "/proc/cpuinfo": "".join(f"processor\t: {core}\nmodel name\t: Intel Xeon\n\n" for core in range(8)),
    "/proc/meminfo": "MemTotal:       32789744 kB\nMemFree:        20000000 kB\n",
    "/proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
    "/proc/sys/kernel/osrelease": "5.15.0-122-generic\n",
    "/proc/sys/fs/inotify/max_user_watches": "524288\n",
    "/proc/sys/fs/inotify/max_user_instances": "512\n",
    "/proc/net/tcp": PROC_NET_TCP.format(port=22, state="0A"),
    "/etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nVERSION_ID="22.04"\nID=ubuntu\n',
    "/lib/modules/5.15.0-122-generic/build/Makefile": "",
    **{f"/sys/bus/pci/devices/{bdf}/{name}": f"{value}\n" for bdf in CARDS.values() for name, value in PORT.items()},
    "/sys/bus/pci/devices/0000:ca:00.0/vendor": "0x10de\n",
    "/sys/bus/pci/devices/0000:ca:00.0/device": "0x20b5\n",
    "/sys/bus/pci/devices/0000:ca:00.0/class": "0x030200\n",
    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": "32\n",
    "/sys/module/mlx5_core/version": "24.07-0.6.1\n",
}
LINKS: dict[str, str] = {
    **{f"/sys/bus/pci/devices/{bdf}/driver": "../../drivers/mlx5_core" for bdf in CARDS.values()},
    **{f"/sys/class/net/{name}/device": f"../../../{bdf}" for name, bdf in CARDS.items()},
}


class RecordedServer(Server):
    """A machine whose files are in a folder and whose answers are given."""

    user = 1000
    lifelines: Mapping[str, str] = {}
    offers_own_registry = False
    grants_nic_root = False

    def __init__(self, root: Path, case: Case) -> None:
        super().__init__(root)
        self._case = case
        vars(self).update(case.facts)

    def disk(self, path: Path) -> tuple[int, int]:
        measured: tuple[int, int] = self._case.facts.get("disks", {}).get(str(path), self._case.disk)
        return measured

    def has_access(self, path: str) -> bool:
        return not self._case.forbidden

    def has(self, program: str) -> bool:
        return program not in self._case.lacks

    def succeeds(self, argv: Sequence[str]) -> bool:
        return " ".join(argv) in self._case.works

    def resolves(self, name: str) -> bool:
        return name in self._case.names

    def is_proxied(self, url: str) -> bool:
        return self._case.proxied in url if self._case.proxied else False

    def now(self) -> datetime:
        return NOW

    def tags(self, repository: str) -> list[str]:
        if not self._case.tags:
            raise Problem(f"{repository}: no such host")
        return list(self._case.tags)

    def get(self, url: str, *, ca: bytes = b"", most: int = 1 << 20) -> Answer:
        answer = self._case.web.get(url, "no such host")
        if isinstance(answer, str):
            raise Problem(f"{url}: {answer}", hint=f"curl -v {url}")
        return replace(answer, content=answer.content[:most])


@dataclass(frozen=True)
class Case:
    """A machine that differs in some facts, and what a check must find there."""

    check: str
    state: str
    says: str = ""
    cure: str = ""
    files: Mapping[str, str | None] = field(default_factory=dict)
    links: Mapping[str, str | None] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    disk: tuple[int, int] = (60 * GB, 110 * GB)
    works: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    proxied: str = ""
    web: Mapping[str, Answer | str] = field(default_factory=dict)
    docker: str = "26.1.3"
    routes: tuple[str, ...] = ("192.168.10.0/24",)
    checkout: Mapping[str, bytes] = field(default_factory=dict)
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    registry: bool = False
    forbidden: bool = False

    @property
    def title(self) -> str:
        return f"{self.check}-{self.state}-{self.says or 'plain'}"


def answer(content: bytes = b"", status: int = 200, late: float = 0.0) -> Answer:
    return Answer(status, content, NOW - timedelta(seconds=late))
