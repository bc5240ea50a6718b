"""Every check of doctor, passing and failing, on the recorded facts of machines."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Network
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tasks.doctor.looks import LOOKS
from tasks.doctor.server import Server
from tasks.engines.docker import client, connection
from tasks.engines.docker import containers as docker_containers
from tasks.engines.host import routes as host_routes
from tasks.engines.host.facts import Answer
from tasks.nics import ledger as nics_ledger
from tasks.problems import Problem
from tasks.registry import pki
from tasks.settings import addons, nics, parameters, paths
from tasks.settings.addons import Addon
from tasks.settings.checks import CHECKS, FAILED, OK, UNKNOWN
from tasks.settings.parameters import layers
from tests.unit.containers import Containers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.doctor.finding import Finding
    from tasks.settings.parameters.model import Parameters

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc)
GB = 10**9
DATA = "/data/docker"
SOCKET = "unix:///var/run/docker.sock"
CERT_URL = "http://192.168.10.100/harbor/ca.crt"
REGISTRY_URL = "https://192.168.10.100/v2/"
PROC_NET_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 11551 1
"""

# The manual's cards, one for each worker, by the names of their interfaces.
_MANUAL = parameters.validated(layers.read(paths.ROOT, {"PROFILE": "physical"}))
CARDS = {str(getattr(_MANUAL, row.interface.lower())): f"0000:17:00.{port}" for port, row in enumerate(nics.WORKERS)}
PORT = {"vendor": "0x15b3", "device": "0x1019", "class": "0x020000", "sriov_totalvfs": "8", "sriov_numvfs": "0"}
# The server of the manual: eight cores, 32 GB, one A100, the two ports of a ConnectX-5.
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


class RecordedHost(Server):
    """A machine whose files lie below a folder and whose answers are given."""

    user = 1000
    lifelines: Mapping[str, str] = {}
    offers_own_registry = False

    def __init__(self, root: Path, case: Case) -> None:
        super().__init__(root)
        self._case = case
        for name, value in case.facts.items():
            setattr(self, name, value)

    def disk(self, path: Path) -> tuple[int, int]:
        measured: tuple[int, int] = self._case.facts.get("disks", {}).get(str(path), self._case.disk)
        return measured

    def has(self, program: str) -> bool:
        return program not in self._case.lacks

    def succeeds(self, argv: Sequence[str]) -> bool:
        return " ".join(argv) in self._case.works

    def resolves(self, name: str) -> bool:
        return name in self._case.names

    def proxied(self, url: str) -> bool:
        return self._case.proxied in url if self._case.proxied else False

    def now(self) -> datetime:
        return NOW

    def get(self, url: str, *, ca: bytes = b"") -> Answer:
        answer = self._case.web[url]
        if isinstance(answer, str):
            raise Problem(f"{url}: {answer}", hint=f"curl -v {url}")
        return answer


@dataclass(frozen=True)
class Case:
    """A machine that differs in some facts, and what a check has to find there."""

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
    proxied: str = ""
    web: Mapping[str, Answer | str] = field(default_factory=dict)
    docker: str = "26.1.3"
    routes: tuple[str, ...] = ("192.168.10.0/24",)
    checkout: Mapping[str, bytes] = field(default_factory=dict)
    addons: tuple[Addon, ...] = ()
    nodes: tuple[str, ...] = ()
    registry: bool = False

    @property
    def title(self) -> str:
        return f"{self.check}-{self.state}-{self.says or 'plain'}"


def _answer(content: bytes = b"", status: int = 200, late: float = 0.0) -> Answer:
    return Answer(status, content, NOW - timedelta(seconds=late))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _mp4(codec: bytes) -> bytes:
    entry = _box(b"stsd", bytes(8) + _box(codec, bytes(16)))
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        entry = _box(kind, entry)
    return _box(b"ftyp", b"isom") + _box(b"mdat", b"\0" * 100) + entry


@pytest.fixture(scope="session")
def ca_pem(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pki.ensure_ca(tmp_path_factory.mktemp("ca"), "harbor").certificate.read_bytes()


CA = b"<the CA of the fixture>"
TRUSTED = "/etc/docker/certs.d/192.168.10.100/ca.crt"
LOW_WATCHES = {"/proc/sys/fs/inotify/max_user_watches": "8192\n"}
LAB = {"PROFILE": "lab"}
EMBEDDED = {"REGISTRY": "embedded", "DCI_REGISTRY_CERT_URL": "http://127.0.0.1:15080/harbor/ca.crt"}
LISTENS = {"/proc/net/tcp": PROC_NET_TCP.format(port=15443, state="0A")}
NO_SRIOV = {f"/sys/bus/pci/devices/0000:17:00.1/sriov_{name}": None for name in ("numvfs", "totalvfs")}
FEW_VFS = {"/sys/bus/pci/devices/0000:17:00.0/sriov_totalvfs": "4\n"}
NO_CARD = {f"/sys/class/net/{name}/device": None for name in CARDS}
IN_CONTAINER = {"/sys/class/net/ens9f1np1/device": None}
HEADERS = {"/lib/modules/5.15.0-122-generic/build/Makefile": None}

FULL = (2 * GB, 500 * GB)
CONTAINERD_STORE = {
    "Containerd": {"Address": "/run/containerd/containerd.sock"},
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
}

CASES = (
    Case("cores", OK),
    Case("cores", FAILED, "8", environ={"MIN_CORES": "16"}, cure="MIN_CORES"),
    Case("memory", OK, "33.6 GB"),
    Case("memory", FAILED, "4.1 GB", files={"/proc/meminfo": "MemTotal: 4000000 kB\n"}),
    Case("memory", FAILED, "0.0 GB", files={"/proc/meminfo": None}),
    Case("disk", OK, "60 GB free"),
    Case("disk", FAILED, "50 GB", disk=(40 * GB, 50 * GB)),
    Case("disk", FAILED, "3 GB free", disk=(3 * GB, 500 * GB), cure=f"DOCKER_HOST={SOCKET} docker system prune"),
    Case("disk", FAILED, "3 GB free", disk=(3 * GB, 500 * GB), docker="", cure="docker system prune"),
    Case("disk", OK, "at /data/docker", facts={"disks": {DATA: (50 * GB, 200 * GB), "/var/lib/docker": FULL}}),
    Case("disk", FAILED, "2 GB free at /data/docker", facts={"disks": {DATA: FULL}}),
    Case("disk", FAILED, "2 GB free at /var/lib/docker", docker="", facts={"disks": {"/var/lib/docker": FULL}}),
    Case(
        "disk",
        FAILED,
        "2 GB free at /var/lib/containerd",
        facts={"disks": {"/var/lib/containerd": FULL}, "docker": CONTAINERD_STORE},
    ),
    Case("system", OK, "Ubuntu 22.04.5 LTS"),
    Case("system", OK, "bookworm", files={"/etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="bookworm"'}),
    Case("system", FAILED, "Focal", files={"/etc/os-release": 'ID=ubuntu\nVERSION_ID="20.04"\nPRETTY_NAME=Focal'}),
    Case("system", FAILED, "Fedora", files={"/etc/os-release": "ID=fedora\nVERSION_ID=41\nPRETTY_NAME=Fedora"}),
    Case("kernel", OK, "5.15.0-122-generic"),
    Case("kernel", FAILED, "5.4.0", files={"/proc/sys/kernel/osrelease": "5.4.0-generic"}, cure="apt-get"),
    Case("swap", OK, "off"),
    Case("swap", FAILED, "/swap.img", files={"/proc/swaps": "Filename Type\n/swap.img file 4194300\n"}, cure="swapoff"),
    Case("inotify", OK, "524288 watches"),
    Case("inotify", FAILED, "8192", files=LOW_WATCHES, cure="sysctl fs.inotify.max_user_watches=524288"),
    Case("inotify", FAILED, "500 of them in use", facts={"inotify_instances": 500}, cure="max_user_instances=628"),
    Case("inotify", OK, "8192", files=LOW_WATCHES, facts={"user": 0}),
    Case("docker", OK, "26.1.3"),
    Case("docker", FAILED, "19.03", docker="19.03.15"),
    Case("docker", UNKNOWN, "calls its version 'dev'", docker="dev"),
    Case("docker", UNKNOWN, "calls its version '²³'", docker="²³"),
    Case("docker", FAILED, "no engine answers", docker="", cure="apt-get install docker.io"),
    Case("docker", OK, "starts its own", docker="", environ=LAB, facts={"user": 0}),
    Case("docker-access", OK, "root", facts={"user": 0}),
    Case("docker-access", OK, "as user", files={"/var/run/docker.sock": ""}),
    Case("docker-access", UNKNOWN, "not there"),
    Case("cluster-owner", OK, "free or ours"),
    Case("cluster-owner", FAILED, "not made by this tool", cure="kind delete cluster --name kind", nodes=("kind",)),
    Case("cluster-owner", OK, "free or ours", nodes=("another",)),
    Case("cluster-owner", UNKNOWN, "no engine answers", docker=""),
    Case("registry-owner", OK, "REGISTRY=harbor"),
    Case("registry-owner", OK, "free or ours", environ=EMBEDDED),
    Case("registry-owner", FAILED, "not made by this tool", cure="docker rename", environ=EMBEDDED, registry=True),
    Case("registry-owner", UNKNOWN, "no engine answers", environ=EMBEDDED, docker=""),
    Case("addresses", OK),
    Case("addresses", FAILED, "10.244.0.0/16 overlaps", routes=("10.244.7.0/24",)),
    Case("addresses", UNKNOWN, "not there yet", lacks=("ip",)),
    Case("card-addresses", OK),
    Case("card-addresses", FAILED, "192.168.20.0/24 overlaps", routes=("192.168.20.0/24",), cure="ip route"),
    Case("ports", OK, "REGISTRY=harbor"),
    Case("ports", OK, "free", environ=EMBEDDED),
    Case("ports", FAILED, "15443 taken", files=LISTENS, environ=EMBEDDED, cure="sport = :15443"),
    Case("ports", OK, "own registry", files=LISTENS, environ=EMBEDDED, facts={"offers_own_registry": True}),
    Case("dns", OK, "1 names", names=("docker.io",)),
    Case("dns", FAILED, "docker.io", cure="resolvectl query docker.io"),
    Case("dns", OK, "no name", proxied="https"),
    Case(
        "dns",
        FAILED,
        "harbor.example.org",
        names=("docker.io",),
        environ={
            "DCI_REGISTRY_ADDR_ALT": "harbor.example.org:8443/images",
            "DCI_REGISTRY_CERT_URL": "http://harbor.example.org/harbor/ca.crt",
        },
    ),
    Case("proxy", OK),
    Case("proxy", OK, proxied="127.0.0.1"),
    Case("proxy", OK, proxied="localhost"),
    Case("proxy", FAILED, "192.168.10.100", proxied="10.100", cure="no_proxy"),
    Case("clock", OK, "2 s ahead", web={CERT_URL: _answer(late=2)}),
    Case("clock", FAILED, "3600 s behind", web={CERT_URL: _answer(late=-3600)}, cure="set-ntp"),
    Case("clock", UNKNOWN, "timed out", web={CERT_URL: "timed out"}),
    Case("clock", OK, "REGISTRY=embedded", environ=EMBEDDED),
    Case("registry-ca", OK, CERT_URL, web={CERT_URL: _answer(CA)}),
    Case("registry-ca", FAILED, "status 404", web={CERT_URL: _answer(b"<html>", 404)}, cure="curl -f"),
    Case("registry-ca", FAILED, "HTML", web={CERT_URL: _answer(b"<html>harbor</html>")}),
    Case("registry-ca", FAILED, "No route to host", web={CERT_URL: "No route to host"}),
    Case("registry-ca", FAILED, "SHA-256", web={CERT_URL: _answer(CA)}, environ={"DCI_REGISTRY_CERT_SHA256": "0" * 64}),
    Case("registry", OK, "401", web={CERT_URL: _answer(CA), REGISTRY_URL: _answer(status=401)}),
    Case("registry", FAILED, "502", web={CERT_URL: _answer(CA), REGISTRY_URL: _answer(status=502)}),
    Case("registry", FAILED, "Hostname mismatch", web={CERT_URL: _answer(CA), REGISTRY_URL: "Hostname mismatch"}),
    Case("registry", UNKNOWN, "without its CA", web={CERT_URL: "refused"}),
    Case("registry-trust", OK, "REGISTRY=embedded", environ=EMBEDDED),
    Case("registry-trust", OK, "this tool keeps it", facts={"user": 0}),
    Case("registry-trust", OK, "this tool keeps it", works=("sudo -n true",), files={TRUSTED: "of somebody"}),
    Case("registry-trust", OK, "there", files={TRUSTED: CA.decode()}, web={CERT_URL: _answer(CA)}),
    Case("registry-trust", FAILED, "may not", cure="sudo -v", web={CERT_URL: _answer(CA)}),
    Case("registry-trust", FAILED, "may not", files={TRUSTED: "PEM of another"}, web={CERT_URL: _answer(CA)}),
    Case("registry-trust", UNKNOWN, "without the CA", web={CERT_URL: "timed out"}),
    Case("archive", OK, "bytes", checkout={"src/controller.tar.gz": b"\x1f\x8b..."}),
    Case("archive", FAILED, "not there", cure="cp controller.tar.gz src/"),
    Case("archive", FAILED, "not gzip", checkout={"src/controller.tar.gz": b"<html>"}),
    Case(
        "archive",
        FAILED,
        "a zip archive",
        checkout={"src/controller.tar.gz": b"PK\x03\x04..."},
        cure="tar --exclude .git -czf src/controller.tar.gz controller",
    ),
    Case("archive", FAILED, "empty", environ={"CONTROLLER": "auto"}, checkout={"src/controller.tar.gz": b""}),
    Case("archive", OK, "CONTROLLER=auto", environ={"CONTROLLER": "auto"}),
    Case("archive", OK, "CONTROLLER=sample", environ={"CONTROLLER": "sample"}),
    Case("sudo", OK, works=("sudo -n true",)),
    Case("sudo", OK, "root", facts={"user": 0}),
    Case("sudo", FAILED, "user 1000", cure="sudo -v"),
    Case("pf", OK, "all there"),
    Case("pf", FAILED, f"{', '.join(CARDS)} not there", links=NO_CARD),
    Case("pf", FAILED, "default route", facts={"lifelines": {"ens9f0np0": "the default route goes through it"}}),
    Case("pf", OK, "all there", links=IN_CONTAINER, facts={"lent": True}),
    Case("ofed", OK, "mlx5_core 24.07-0.6.1"),
    Case("ofed", OK, "mlx5_core of the kernel", files={"/sys/module/mlx5_core/version": None}),
    Case("ofed", FAILED, "ens9f1np1", links={"/sys/bus/pci/devices/0000:17:00.1/driver": None}, cure="mlx5_core"),
    Case("ofed", UNKNOWN, links=NO_CARD),
    Case("vfs", OK, "ens9f0np0 allows 8"),
    Case("vfs", FAILED, "allows 4", files=FEW_VFS, cure="mstconfig -y -d 17:00.0 set SRIOV_EN=1 NUM_OF_VFS=8"),
    Case("vfs", FAILED, "switched off", files=NO_SRIOV, cure="mstconfig -y -d 17:00.1"),
    Case("vfs", FAILED, files={**FEW_VFS, "/sys/bus/pci/devices/0000:17:00.0/vendor": "0x8086\n"}, cure="firmware"),
    Case("vfs", UNKNOWN, links=NO_CARD),
    Case("nic-rules", OK, "in force"),
    Case("nic-rules", FAILED, "cluster kind: ", facts={"lent": True}, cure="./doit nics"),
    Case("gpu", OK, "0000:ca:00.0"),
    Case("gpu", FAILED, "none", files={"/sys/bus/pci/devices/0000:ca:00.0/vendor": "0x1002\n"}),
    Case("gpu", FAILED, "none", files={"/sys/bus/pci/devices/0000:ca:00.0/class": "0x040300\n"}),
    Case("gpu-driver", OK, "bytes", checkout={"driver/nvidia/NVIDIA-Linux-x86_64-550.90.12.run": b"#! /bin/sh\n"}),
    Case("gpu-driver", FAILED, "not there", cure="driver/nvidia/"),
    Case(
        "gpu-driver", FAILED, "not a run file", checkout={"driver/nvidia/NVIDIA-Linux-x86_64-550.90.12.run": b"<html>"}
    ),
    Case("kernel-headers", OK, "installed"),
    Case(
        "kernel-headers",
        OK,
        "offered",
        files=HEADERS,
        works=("apt-cache show --no-all-versions linux-headers-5.15.0-122-generic",),
    ),
    Case("kernel-headers", FAILED, "not offered", files=HEADERS),
    Case("kernel-headers", UNKNOWN, "no GPU", files={**HEADERS, "/sys/bus/pci/devices/0000:ca:00.0/vendor": None}),
    Case("nouveau", OK, "not loaded"),
    Case("nouveau", FAILED, "loaded", files={"/sys/module/nouveau/refcnt": "0\n"}, cure="blacklist nouveau"),
    Case("videos", OK, "1 files", checkout={"work/DATA/video/road.mp4": _mp4(b"avc1")}),
    Case("videos", OK, "1 files", checkout={"work/DATA/video/ROAD.MP4": _mp4(b"avc1")}),
    Case(
        "videos",
        FAILED,
        "road.mp4 without H.264 (hvc1)",
        checkout={"work/DATA/video/road.mp4": _mp4(b"hvc1")},
        cure="mv -i work/DATA/video/road.mp4 work/DATA/video/road.mp4.orig && "
        "ffmpeg -i work/DATA/video/road.mp4.orig -c:v libx264 work/DATA/video/road.mp4",
    ),
    Case(
        "videos",
        FAILED,
        "it's $1.mp4",
        checkout={"work/DATA/video/it's $1.mp4": _mp4(b"hvc1")},
        cure="""-c:v libx264 'work/DATA/video/it'"'"'s $1.mp4'""",
    ),
    Case("videos", FAILED, "cut.mp4", checkout={"work/DATA/video/cut.mp4": _mp4(b"avc1")[:90]}, cure="rm -i work/"),
    Case(
        "videos",
        OK,
        "1 files; passed over: ._road.mp4 (of macOS)",
        checkout={"work/DATA/video/road.mp4": _mp4(b"avc1"), "work/DATA/video/._road.mp4": b"\0\5\x16\7"},
    ),
    Case(
        "videos", FAILED, "x.mp4 a folder", checkout={"work/DATA/video/x.mp4/y": b""}, cure="mv work/DATA/video/x.mp4 "
    ),
    Case("videos", OK, "0 files"),
    Case("kubeconfig", OK, "kube/config"),
    Case("kubeconfig", FAILED, "damaged", checkout={"kube/config": b"clusters: ["}, cure="config.damaged"),
    Case("hugepages", OK, "32"),
    Case("load-balancer", OK, "metallb", addons=(Addon("metallb", "Addresses."),)),
    Case("load-balancer", FAILED, "none are given out"),
    Case("hugepages", FAILED, "0", files={"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": None}),
)


def _record(root: Path, case: Case) -> None:
    for name, text in {**FILES, **case.files}.items():
        if text is not None:
            (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / name[1:]).write_text(text)
    for name, target in {**LINKS, **case.links}.items():
        if target is not None:
            (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / name[1:]).symlink_to(target)
    (root / "proc").mkdir(exist_ok=True)


def _look(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ca_pem: bytes) -> Finding:
    root, checkout = tmp_path / "machine", tmp_path / "checkout"
    if case.files.get(TRUSTED) == CA.decode():
        case = replace(case, files={TRUSTED: ca_pem.decode()})
    _record(root, case)
    for name, content in case.checkout.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes(content)
    for name, folder in (("SRC", "src"), ("DRIVER", "driver/nvidia"), ("WORK", "work")):
        monkeypatch.setattr(paths, name, checkout / folder)
    monkeypatch.setenv("KUBECONFIG", str(checkout / "kube" / "config"))
    monkeypatch.setattr(nics, "LEDGERS", tmp_path / "ledgers")
    monkeypatch.setattr(nics, "UDEV_RULES", tmp_path / "rules")
    if case.facts.get("lent"):
        _write_ledger(tmp_path / "ledgers")
    monkeypatch.setattr(addons, "ADDONS", case.addons)
    chosen = _parameters(case)
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    monkeypatch.setattr(client, "client", lambda: _engine(case.docker, case.facts.get("docker", {}), case.nodes))
    monkeypatch.setattr(docker_containers, "find", lambda name: _engine(case.docker) and _stranger(name, case))
    monkeypatch.setattr(client, "host_url", lambda: SOCKET)
    monkeypatch.setattr(client, "socket", lambda: _engine(case.docker) and SOCKET)
    routes = tuple(host_routes.Route(IPv4Network(network), "ens0") for network in case.routes)
    monkeypatch.setattr(host_routes, "routes", lambda: routes)
    web = {url: _with_ca(answer, ca_pem) for url, answer in case.web.items()}
    return LOOKS[case.check](RecordedHost(root, replace(case, web=web)), chosen)


def _with_ca(answer: Answer | str, ca_pem: bytes) -> Answer | str:
    if isinstance(answer, Answer) and answer.content == CA:
        return Answer(answer.status, ca_pem, answer.date)
    return answer


def _parameters(case: Case) -> Parameters:
    return parameters.validated(layers.read(Path(__file__).parents[3], {"PROFILE": "physical", **case.environ}))


def _engine(version: str, facts: Mapping[str, Any] = MappingProxyType({}), clusters: Sequence[str] = ()) -> Any:
    if not version:
        raise connection.NoEngine("Docker: no engine answers at /var/run", hint="sudo apt-get install docker.io")
    containers = Containers()
    for cluster in clusters:
        containers.add(f"{cluster}-control-plane", cluster)
    told = {"DockerRootDir": DATA, **facts}
    return SimpleNamespace(version=lambda: {"Version": version}, info=lambda: told, api=containers.client().api)


def _stranger(name: str, case: Case) -> docker_containers.ContainerFacts | None:
    return docker_containers.ContainerFacts("0", name, "running", "", {}, {}) if case.registry else None


def _write_ledger(folder: Path) -> None:
    record = nics_ledger.Record(
        bdf="0000:17:00.1",
        identity="15b3:1019",
        permanent_mac="",
        namespace="host",
        name="ens9f1np1",
        altnames=(),
        mac="",
        mtu=1500,
        up=True,
        driver="mlx5_core",
        num_vfs=0,
        physical_function="",
        addresses=(),
        routes=(),
        vf_settings=(),
    )
    ledger = nics_ledger.Ledger("kind", "boot", {record.bdf: record}, {})
    folder.mkdir()
    (folder / "kind.json").write_text(json.dumps({"version": nics_ledger.VERSION, **asdict(ledger)}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_finds(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ca_pem: bytes) -> None:
    finding = _look(case, tmp_path, monkeypatch, ca_pem)
    assert finding.state == case.state, finding
    assert case.says in finding.found
    check = next(check for check in CHECKS if check.name == case.check)
    assert finding.needed
    if case.state == FAILED:
        assert case.cure in (finding.cure or check.cure)
    else:
        assert not finding.cure


def test_every_check_has_a_look_and_a_passing_and_a_failing_machine() -> None:
    names = [check.name for check in CHECKS]
    assert sorted(LOOKS) == sorted(names)
    assert len(set(names)) == len(names)
    shown = {(case.check, case.state) for case in CASES}
    # A user who may not use the engine cannot be played by a test that runs as root.
    missing = {(name, state) for name in names for state in (OK, FAILED)} - shown - {("docker-access", FAILED)}
    assert not missing


def test_a_user_without_the_group_is_told_how_to_join_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ca_pem: bytes
) -> None:
    monkeypatch.setattr("tasks.doctor.machine.os.access", lambda *_: False)
    case = Case("docker-access", FAILED, files={"/var/run/docker.sock": ""})
    assert _look(case, tmp_path, monkeypatch, ca_pem).state == FAILED
