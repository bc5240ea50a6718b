"""The images of the manual's server, really built from generated repositories and a generated release site."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tasks.docker_engine import service as docker_engine_service
from tasks.doctor import looks
from tasks.doctor.server import Server as Machine
from tasks.engines.docker import client, images
from tasks.images import base, building, machine, node_images
from tasks.problems import Problem
from tasks.settings import artifacts, controller, gpu, packages, parameters, paths
from tasks.settings import images as table
from tests.docker import fake_driver
from tests.docker.apt_site import Site, served
from tests.docker.physical_site import (
    ADAPT,
    CHAIN,
    CONTROL_PLANE,
    CRIO,
    DRIVERS,
    KERNEL,
    TOOLKIT,
    UNITS,
    fill,
    physical,
    url,
    write_tree,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.settings.parameters.model import Parameters
    from tests.docker.apt_site import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    docker_engine_service.ensure()
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        fill(site)
    finally:
        site.forget_keys()
    bridge = client.client().networks.get("bridge").attrs["IPAM"]["Config"][0]
    with served(site.root, bridge.get("Gateway", "172.17.0.1")) as running:
        yield running


@pytest.fixture(scope="module")
def chain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parameters]:
    """Build a chain and yield its parameters; remove it afterwards."""
    chosen = physical(server)
    releases = chosen.cache_dir / "releases"
    before = set(releases.iterdir()) if releases.exists() else set()
    archive = tmp_path_factory.mktemp("controller")
    write_tree(archive / controller.DRIVERS_SOURCE / "lib", DRIVERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "current", lambda: chosen)
        patch.setattr(paths, "BUILD", tmp_path_factory.mktemp("build"))
        patch.setattr(paths, "DRIVER", Path(__file__).parent)
        patch.setattr(paths, "CONTROLLER", archive)
        patch.setitem(machine.FACTS, "KERNEL_RELEASE", lambda: KERNEL)
        if base.lack():
            base.build()
        for name in CHAIN:
            node_images.build(name)
        yield chosen
        for name in reversed(CHAIN):
            images.remove(table.tag(name, chosen))
    for folder in set(releases.iterdir()) - before:
        shutil.rmtree(folder)


def inside(chain: Parameters, image: str, script: str) -> str:
    """Return the output of a script in an image."""
    said = client.client().containers.run(
        table.tag(image, chain), ["-c", script], entrypoint="/bin/sh", remove=True, network_mode="none"
    )
    return str(said.decode()).strip()


def stored(chain: Parameters) -> set[str]:
    """Return the names of the images in the read-only store, which holds unpacked layers."""
    store = "/usr/share/openkasugai/store"
    assert inside(chain, CRIO, f"ls {store}/overlay/*/diff/usr/local/bin/kube-apiserver").startswith(store)
    return set(inside(chain, CRIO, f"jq -r '.[].names[]' {store}/overlay-images/images.json").splitlines())


def test_each_image_is_current_and_another_kernel_rebuilds_the_last_one_only(
    chain: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chain.kubernetes_from == "release"
    assert [name for name in CHAIN if node_images.lack(name)] == []
    monkeypatch.setitem(machine.FACTS, "KERNEL_RELEASE", lambda: "5.15.0-125-generic")
    assert [name for name in CHAIN if node_images.lack(name)] == [table.GPU_IMAGE]


def test_kubernetes_is_the_release(chain: Parameters) -> None:
    assert inside(chain, "kind-ubuntu-node", "cat /kind/version; echo; kubelet") == "v1.31.0\nkubelet"
    assert inside(chain, "kind-ubuntu-node", "kubeadm").splitlines() == list(CONTROL_PLANE)


def test_crio_is_pinned_held_and_the_one_runtime(chain: Parameters) -> None:
    assert inside(chain, CRIO, "dpkg-query --showformat '${Version}' --show cri-o; apt-mark showhold") == (
        "1.31.0-1.1cri-o"
    )
    assert inside(chain, CRIO, "systemctl is-enabled crio kubelet containerd || true").splitlines() == [
        *("enabled", "enabled", "disabled"),
    ]
    assert inside(chain, CRIO, "ls -A /etc/cni/net.d; ls /etc/crio/net.d") == "11-crio-ipv4-bridge.conflist"
    assert inside(chain, CRIO, "cat /etc/apt/sources.list.d/cri-o.list") == (
        f"deb [signed-by=/etc/apt/keyrings/cri-o.asc] {chain.crio_repo_url}/v1.31/deb/ /"
    )
    assert 'pause_image = "registry.k8s.io/pause:3.10"' in inside(chain, CRIO, "cat /etc/crio/crio.conf.d/20-kind.conf")
    assert "--runtime-cgroups=/system.slice/crio.service" in inside(chain, CRIO, "cat /etc/default/kubelet")


def test_the_control_plane_is_there_for_crio(chain: Parameters) -> None:
    assert stored(chain) == set(CONTROL_PLANE)
    assert 'additionalimagestores = ["/usr/share/openkasugai/store"]' in inside(
        chain, CRIO, "cat /etc/containers/storage.conf"
    )


@pytest.fixture
def compiled(
    chain: Parameters, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Parameters]:
    """Return the parameters of an image with a compiled CRI-O, made from the same images as the other one."""
    chosen = physical(server, CRIO_FROM="modules", IMG_TAG=f"compiled-{server.server_address[1]}")
    for name in ("crio", "pinns"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho compiled {name}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    others = ("kind-ubuntu-node", "kind-control-plane")
    for name in others:
        client.client().images.get(table.tag(name, chain)).tag(name, chosen.img_tag)
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    monkeypatch.setattr(node_images, "_compile", lambda *_: tmp_path)
    node_images.build(CRIO)
    yield chosen
    for name in (CRIO, *others):
        images.remove(table.tag(name, chosen))


def test_a_compiled_crio_has_the_same_images_and_asks_runc_for_no_more_than_its_node_has(compiled: Parameters) -> None:
    assert stored(compiled) == set(CONTROL_PLANE)
    assert inside(compiled, CRIO, "crio; pinns; systemctl is-enabled crio") == "compiled crio\ncompiled pinns\nenabled"
    assert inside(compiled, CRIO, "/usr/libexec/crio/conmon --version; /usr/libexec/crio/runc --version")
    own = inside(compiled, CRIO, "cat /proc/self/oom_score_adj")
    assert inside(compiled, CRIO, ADAPT).splitlines() == [f'[{own},["CAP_CHOWN"]]', '[1000,["CAP_CHOWN"]]']


def test_the_archives_libfpga_is_there_with_the_dpdk_that_it_names_and_nothing_that_built_them(
    chain: Parameters,
) -> None:
    linked = inside(chain, table.NODE_IMAGE, "ldd -r /usr/local/lib/libfpga.so 2>&1")
    assert "librte_eal.so.1 => /usr/local/lib/librte_eal.so.1" in linked
    assert "undefined symbol" not in linked
    assert "libfpga.so" in inside(chain, table.NODE_IMAGE, "ldconfig -p")
    left = "command -v gcc cc make meson ninja pkg-config; find / -xdev -name 'fpga.*' -o -xdev -name 'dpdk-*'; true"
    assert inside(chain, table.NODE_IMAGE, left) == ""


def test_the_nvidia_packages_are_pinned_and_held(chain: Parameters) -> None:
    show = "dpkg-query --showformat '${Package}=${Version}\\n' --show 'nvidia-*' 'libnvidia-*' datacenter-gpu-manager"
    expected = {*(f"{name}=1.16.2-1" for name in TOOLKIT), "datacenter-gpu-manager=1:3.3.8"}
    assert set(inside(chain, table.GPU_IMAGE, show).splitlines()) == expected
    held = set(inside(chain, table.GPU_IMAGE, "apt-mark showhold").splitlines())
    assert held == {"cri-o", "datacenter-gpu-manager", *TOOLKIT}


def test_the_nvidia_runtime_is_crios_default_and_the_services_start_with_the_gpu(chain: Parameters) -> None:
    crio = inside(chain, table.GPU_IMAGE, "cat /etc/crio/crio.conf.d/99-nvidia.conf").splitlines()
    assert 'default_runtime = "nvidia"' in crio
    assert 'runtime_path = "/usr/bin/nvidia-container-runtime"' in crio
    assert "/usr/libexec/crio/crun" in inside(chain, table.GPU_IMAGE, "cat /etc/nvidia-container-runtime/config.toml")
    services = ("nvidia-persistenced", "nvidia-mps", "nvidia-dcgm")
    assert inside(chain, table.GPU_IMAGE, f"systemctl is-enabled {' '.join(services)}").split() == ["enabled"] * 3
    for service in services:
        text = inside(chain, table.GPU_IMAGE, f"find {UNITS}/{service}.service* -type f -exec cat {{}} +")
        assert "ConditionPathExists=/dev/nvidiactl" in text
    assert "nvidia-cuda-mps-control -d" in inside(chain, table.GPU_IMAGE, f"cat {UNITS}/nvidia-mps.service")


def test_the_driver_is_for_the_kernel_and_nothing_that_built_it_is_left(chain: Parameters) -> None:
    modules = inside(chain, table.GPU_IMAGE, f"cat /opt/nvidia/lib/modules/{KERNEL}/modules.dep").splitlines()
    assert {Path(line.rstrip(":")).name for line in modules} == {"nvidia.ko", "nvidia-modeset.ko", "nvidia-uvm.ko"}
    assert inside(chain, table.GPU_IMAGE, f"test -d /usr/src/linux-headers-{KERNEL} && command -v nvidia-smi")
    tools = "command -v gcc cc make ld strip go; find / -xdev -name '*.run' -o -xdev -name add-apt-repository"
    assert inside(chain, table.GPU_IMAGE, f"{tools}; true") == ""
    assert inside(chain, CRIO, f"{tools}; true") == ""


def test_what_the_drivers_modules_need_of_the_host_is_said_by_them_and_not_found_in_their_folder(
    chain: Parameters,
) -> None:
    modules = " ".join((*gpu.NODE_LOADS, *gpu.NODE_EXTRAS))
    asked = f"modinfo --basedir {gpu.NODE_MODULES} --set-version {KERNEL} --field depends {modules}"
    assert inside(chain, table.GPU_IMAGE, asked).split() == ["nvidia", "nvidia,video"]
    found = f"modprobe --show-depends --dirname {gpu.NODE_MODULES} --set-version {KERNEL} nvidia_modeset"
    assert [Path(line).name for line in inside(chain, table.GPU_IMAGE, found).split()[1:]] == ["nvidia-modeset.ko"]


def test_a_proxy_reaches_a_build_and_stays_out_of_the_image(
    server: Server, chain: Parameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = f"proxy-test:{uuid.uuid4().hex[:8]}"
    parent = table.tag("kind-ubuntu", chain)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {parent}\nRUN curl -fsS http://{tag[-8:]}.example/page > /page\n", "utf-8"
    )
    monkeypatch.setenv("http_proxy", url(server))
    images.build(tmp_path, tag)
    try:
        assert f"http://{tag[-8:]}.example/page" in server.asked
        api: Any = client.client().api  # these calls are untyped
        facts = api.inspect_image(tag), api.history(tag)
        assert url(server) not in json.dumps(facts)
    finally:
        images.remove(tag)


@dataclass(frozen=True)
class Wrong:
    """An image, parameters that name a wrong source for it, and the message of its build."""

    image: str
    changes: dict[str, str]
    words: str


@pytest.mark.parametrize(
    "case",
    [
        Wrong(CRIO, {"CRIO_PKG_VERSION": "1.31.9-1.1"}, "Version '1.31.9-1.1' for 'cri-o' was not found"),
        Wrong(CRIO, {"CRIO_REPO_KEY_SHA256": "0" * 64}, "the key's SHA-256 is"),
        Wrong(CRIO, {"CRIO_REPO_KEY_URL": "{site}/page"}, "not a signing key"),
        Wrong(CRIO, {"CRIO_REPO_KEY_URL": "{site}/none"}, "no signing key of cri-o there"),
        Wrong(CRIO, {"CRIO_REPO_KEY_URL": "{site}/cuda/Release.key"}, "is not signed"),
        Wrong(table.NODE_IMAGE, {"DPDK_SHA256": "0" * 64}, "dpdk-99.1.tar.xz: its SHA-256 is"),
        Wrong(table.NODE_IMAGE, {"DPDK_URL": "{site}/none"}, "no source of DPDK there"),
    ],
)
@pytest.mark.usefixtures("chain")
def test_a_wrong_source_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch, case: Wrong) -> None:
    wrong = physical(server, **{name: value.format(site=url(server)) for name, value in case.changes.items()})
    monkeypatch.setattr(parameters, "current", lambda: wrong)
    with pytest.raises(Problem, match="the build failed") as caught:
        node_images.build(case.image)
    assert case.words in caught.value.details


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "there"),
        ({"CRIO_PKG_VERSION": "1.31.9-1.1"}, "cri-o 1.31.9-1.1 is not there, but 1.31.0-1.1, 1.31.1-1.1"),
        ({"CRIO_PKG_VERSION": "1.32.0-1.1", "CRIO_REPO_VERSION": "v1.32"}, "no such repository (status 404)"),
    ],
)
def test_doctor_reads_the_index_that_apt_reads(server: Server, changes: dict[str, str], found: str) -> None:
    chosen = physical(server, IMG_TAG="never-built", **changes)
    assert found in looks.LOOKS["crio-packages"](Machine(), chosen).found
    assert {looks.LOOKS[name](Machine(), chosen).found for name in ("toolkit-packages", "dcgm-packages")} == {"there"}


def test_doctor_asks_for_nothing_that_the_images_have(chain: Parameters) -> None:
    names = (repository.check for repository in packages.REPOSITORIES)
    assert all("is in the image already" in looks.LOOKS[name](Machine(), chain).found for name in names)


def test_another_driver_than_is_pinned_is_refused(
    server: Server, chain: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    for changes, words in (
        ({"NVIDIA_DRIVER_SHA256": "0" * 64}, "NVIDIA_DRIVER_SHA256: driver/nvidia/driver.run has"),
        ({"NVIDIA_DRIVER_FILE": "none.run"}, "NVIDIA_DRIVER_FILE: driver/nvidia/none.run is not there"),
    ):
        wrong = physical(server, **changes)
        monkeypatch.setattr(parameters, "current", lambda wrong=wrong: wrong)
        with pytest.raises(Problem, match=words):
            node_images.build(table.GPU_IMAGE)
    assert chain.gpu == "yes"


@pytest.fixture(scope="module")
def driver(chain: Parameters, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build the image of the worker that shares the GPU, and yield the folder of a host's driver."""
    node_images.build(table.SHARED_GPU_IMAGE)
    compiler = building.ensure_image(node_images.recipe(table.named(artifacts.NVIDIA_TOOLKIT.compiler), chain))
    folder = tmp_path_factory.mktemp("driver")
    fake_driver.put(folder, compiler)
    yield folder
    images.remove(table.tag(table.SHARED_GPU_IMAGE, chain))


def in_node(chain: Parameters, driver: Path, script: str) -> str:
    """Return the output of a script in the image that sees a host's driver, as a node does."""
    said = client.client().containers.run(
        table.tag(table.SHARED_GPU_IMAGE, chain),
        ["-euc", f"{fake_driver.PROC}\n{script}"],
        entrypoint="/bin/sh",
        remove=True,
        privileged=True,
        network_mode="none",
        volumes=[f"{driver}/lib:{gpu.SHARED_LIBRARIES}:ro", f"{driver}/bin:{gpu.SHARED_PROGRAMS}:ro"],
    )
    return str(said.decode())


def test_a_node_describes_the_hosts_gpu_and_driver_to_its_runtime(chain: Parameters, driver: Path) -> None:
    # Twice, as after a restart of the node.
    described = yaml.safe_load(in_node(chain, driver, "share-gpu && share-gpu && cat /etc/cdi/nvidia.yaml"))
    assert {"0", "all"} <= {device["name"] for device in described["devices"]} <= {"0", "all", fake_driver.UUID}
    files = {mount["containerPath"] for mount in described["containerEdits"]["mounts"]}
    assert f"{gpu.SHARED_LIBRARIES}/libcuda.so.{fake_driver.VERSION}" in files
    assert "/usr/bin/nvidia-smi" in files
    assert not [file for file in files if "libc.so" in file], "a system folder has more than the driver"
    assert {hook["path"] for hook in described["containerEdits"]["hooks"]} == {"/usr/bin/nvidia-cdi-hook"}
    found = in_node(chain, driver, "share-gpu && ldconfig -p && nvidia-smi")
    assert "libcuda.so.1 (libc6,x86-64) => /usr/local/lib/nvidia-host/libcuda.so.1" in found
    assert fake_driver.UUID in found


def test_a_driver_that_the_host_has_replaced_is_named_and_pods_get_none(chain: Parameters, driver: Path) -> None:
    replaced = f"sed -i s/{fake_driver.VERSION}/590.1/ /proc/driver/nvidia/version"
    said = in_node(chain, driver, f"share-gpu && {replaced}; share-gpu 2>&1 || ls /etc/cdi")
    assert said == "the host's folder has no libcuda.so.590.1, the version that is loaded\n"


@pytest.mark.usefixtures("driver")
def test_the_nvidia_runtime_is_crios_default_where_the_gpu_is_shared(chain: Parameters) -> None:
    crio = inside(chain, table.SHARED_GPU_IMAGE, "cat /etc/crio/crio.conf.d/99-nvidia.conf").splitlines()
    assert 'default_runtime = "nvidia"' in crio
    toolkit = inside(chain, table.SHARED_GPU_IMAGE, "cat /etc/nvidia-container-runtime/config.toml").splitlines()
    assert 'mode = "cdi"' in toolkit
    assert "1.17.8" in inside(chain, table.SHARED_GPU_IMAGE, "nvidia-ctk --version")
    services = inside(chain, table.SHARED_GPU_IMAGE, "systemctl is-enabled nvidia-share nvidia-mps")
    assert services.split() == ["enabled"] * 2
