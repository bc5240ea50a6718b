"""The machine itself, passing and failing: processors, memory, disk, kernel, and the Docker engine on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.settings.checks import FAILED, OK, UNKNOWN
from tests.unit.doctor.recorded import GB, SOCKET, Case, answer

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = "/data/docker"
AT_DATA = {"DockerRootDir": DATA}
LOW_WATCHES = {"/proc/sys/fs/inotify/max_user_watches": "8192\n"}
LOWLATENCY = {"/proc/sys/kernel/osrelease": "5.15.0-91-lowlatency"}
RELEASE = {"KUBERNETES_FROM": "release", "K8S_RELEASE_URL": "https://releases.example/k8s", "K8S_VERSION": "v1.31.0"}
KUBECTL = "https://releases.example/k8s/v1.31.0/bin/linux/amd64/kubectl.sha256"
LAB = {"PROFILE": "lab"}
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
    Case("disk", FAILED, "3 GB free", disk=(3 * GB, 500 * GB), cure=f"DOCKER_HOST=unix://{SOCKET} docker system prune"),
    Case("disk", FAILED, "3 GB free", disk=(3 * GB, 500 * GB), docker="", cure="docker system prune"),
    Case(
        "disk",
        OK,
        "at /data/docker",
        facts={"docker": AT_DATA, "disks": {DATA: (50 * GB, 200 * GB), "/var/lib/docker": FULL}},
    ),
    Case("disk", FAILED, "2 GB free at /data/docker", facts={"docker": AT_DATA, "disks": {DATA: FULL}}),
    Case("disk", FAILED, "2 GB free at /var/lib/docker", docker="", facts={"disks": {"/var/lib/docker": FULL}}),
    Case(
        "disk",
        FAILED,
        "2 GB free at /var/lib/containerd",
        facts={"disks": {"/var/lib/containerd": FULL}, "docker": CONTAINERD_STORE},
    ),
    Case("kubectl", OK, "one on PATH; the first ./doit kubectl gets one"),
    Case("kubectl", OK, "none on PATH; ", lacks=("kubectl",)),
    Case("kubectl", OK, "none on PATH; offered", lacks=("kubectl",), environ=RELEASE, web={KUBECTL: answer()}),
    Case(
        "kubectl",
        FAILED,
        "none on PATH; not offered at https://releases.example/k8s/v1.31.0/",
        lacks=("kubectl",),
        environ=RELEASE,
        web={KUBECTL: answer(status=404)},
        cure=f"curl -fL {KUBECTL}",
    ),
    Case("system", OK, "Ubuntu 22.04.5 LTS"),
    Case("system", OK, "bookworm", files={"/etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="bookworm"'}),
    Case("system", FAILED, "Focal", files={"/etc/os-release": 'ID=ubuntu\nVERSION_ID="20.04"\nPRETTY_NAME=Focal'}),
    Case("system", FAILED, "Fedora", files={"/etc/os-release": "ID=fedora\nVERSION_ID=41\nPRETTY_NAME=Fedora"}),
    Case("kernel", OK, "5.15.0-122-generic"),
    Case("kernel", FAILED, "5.4.0", files={"/proc/sys/kernel/osrelease": "5.4.0-generic"}, cure="apt-get"),
    Case(
        "kernel",
        FAILED,
        "5.15.0-119-generic",
        files={"/proc/sys/kernel/osrelease": "5.15.0-119-generic"},
        cure="sudo apt-get install linux-generic, then reboot",
    ),
    Case("kernel", FAILED, "5.15.0-91-lowlatency", files=LOWLATENCY, cure="install linux-lowlatency"),
    Case("kernel", OK, "5.15.0-91-lowlatency", files={**LOWLATENCY, "/etc/os-release": "ID=debian"}),
    Case("kernel", OK, "5.15.0-1031-aws", files={"/proc/sys/kernel/osrelease": "5.15.0-1031-aws"}),
    Case("kernel", OK, "6.8.0-45-generic", files={"/proc/sys/kernel/osrelease": "6.8.0-45-generic"}),
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
    Case("docker-access", OK, "as user", files={SOCKET: ""}),
    Case("docker-access", UNKNOWN, "not there"),
    Case("cluster-owner", OK, "free or ours"),
    Case("cluster-owner", FAILED, "not made by this tool", cure="kind delete cluster --name kind", nodes=("kind",)),
    Case("cluster-owner", OK, "free or ours", nodes=("another",)),
    Case("cluster-owner", UNKNOWN, "no engine answers", docker=""),
    Case("docker-access", FAILED, "as user", files={SOCKET: ""}, forbidden=True),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_finds(case: Case, verify: Callable[[Case], None]) -> None:
    verify(case)
