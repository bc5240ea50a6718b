"""The services of the GPU's driver in a real node, whose systemd starts or skips them; their programs are stand-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import containers
from tasks.gpu import driver
from tasks.gpu.machine import Machine
from tasks.problems import Problem
from tasks.settings import gpu, paths
from tests.cluster.lab import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

NODE = f"{NAME}-worker"
UNITS = paths.KIND / "dci-kind-node-with-acc/overlay/etc/systemd/system"
PLACE = "/etc/systemd/system"
WORDS = "An instance of this daemon is already running"
FORKING = "#!/bin/sh\nsleep infinity &\n"
# What the driver and DCGM bring.
BROUGHT = {
    "/usr/bin/nvidia-modprobe": f"#!/bin/sh\nmknod {gpu.CONTROL_FILE} c 195 255\n",
    "/usr/bin/nvidia-persistenced": FORKING,
    "/usr/bin/nvidia-cuda-mps-control": FORKING,
    f"{PLACE}/nvidia-dcgm.service": "[Service]\nExecStart=/bin/sleep infinity\n",
}
BROKEN = f"#!/bin/sh\necho {WORDS} >&2\nexit 1\n"


class Node(Machine):
    """This machine, with a short patience."""

    patience = 5.0


def put(files: dict[str, str], node: str) -> None:
    for path, text in files.items():
        containers.copy_into(node, path, text.encode(), containers.Rights(0o755 if "/bin/" in path else 0o644))


def install(node: str) -> dict[str, str]:
    """Put the units and what they run into a node; return all that is there then and was not before."""
    own = {f"{PLACE}/{unit.relative_to(UNITS)}": unit.read_text(encoding="utf-8") for unit in UNITS.rglob("nvidia-*/*")}
    own |= {f"{PLACE}/{unit.name}": unit.read_text(encoding="utf-8") for unit in UNITS.glob("nvidia-*.service")}
    put({**own, **BROUGHT}, node)
    containers.exec_in(node, ["systemctl", "daemon-reload"])
    return {**own, **BROUGHT}


def remove(node: str, files: dict[str, str]) -> None:
    containers.exec_in(node, ["systemctl", "stop", *gpu.NODE_SERVICES])
    folders = {path.rpartition("/")[0] for path in files if ".service.d/" in path}
    containers.exec_in(node, ["rm", "-rf", gpu.CONTROL_FILE, *files, *folders])
    containers.exec_in(node, ["systemctl", "daemon-reload"])
    containers.exec_in(node, ["systemctl", "reset-failed"])


@pytest.fixture
def node(verified: Lab) -> Iterator[str]:
    """The first worker with the driver's units, as the image for a lent GPU has them."""
    del verified
    if containers.exec_in(NODE, ["ls", gpu.CONTROL_FILE], check=False):
        pytest.skip("this machine has a real GPU")
    files = install(NODE)
    yield NODE
    remove(NODE, files)


def test_systemd_skips_services_without_device_files_and_the_lease_starts_them_with_those(node: str) -> None:
    skips_without_files_and_starts_with_them(node)


def skips_without_files_and_starts_with_them(node: str) -> None:
    containers.exec_in(node, ["systemctl", "start", *gpu.NODE_SERVICES])  # which succeeds
    assert driver.stopped(Node(), node) == dict.fromkeys(gpu.NODE_SERVICES, "inactive")
    driver.start_services(Node(), node, 1)
    assert driver.stopped(Node(), node) == {}


def test_a_service_that_fails_is_one_line_with_its_own_words(node: str) -> None:
    names_what_fails(node)


def names_what_fails(node: str) -> None:
    put({"/usr/bin/nvidia-cuda-mps-control": BROKEN}, node)
    with pytest.raises(Problem) as caught:
        driver.start_services(Node(), node, 1)
    assert caught.value.message == f"{node}: nvidia-mps.service is failed: {WORDS}"
    assert "Failed to start" in caught.value.details
