"""Stand-ins for the server's download sites: small releases, packages and archives of the same shape."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING

from tasks.settings import images as table
from tasks.settings import parameters, paths
from tasks.settings.parameters import layers
from tests.docker.apt_site import Package, Site

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.docker.apt_site import Server

KERNEL = "5.15.0-122-generic"
CRIO = table.RUNTIME_IMAGES["crio"]
CHAIN = ("kind-ubuntu", "kind-ubuntu-node", "kind-control-plane", CRIO, table.NODE_IMAGE, table.GPU_IMAGE)
CONTROL_PLANE = (
    *(f"registry.k8s.io/{name}:v1.31.0" for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")),
    "registry.k8s.io/kube-proxy:v1.31.0",
    "registry.k8s.io/coredns/coredns:v1.11.1",
    "registry.k8s.io/pause:3.10",
    "registry.k8s.io/etcd:3.5.15-0",
)
KUBEADM = "#!/bin/sh\n" + "".join(f"echo {image}\n" for image in CONTROL_PLANE)
UNIT = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
UNITS = "/etc/systemd/system"
# What runc (a stand-in that does nothing) gets for a container that requests more than its node has.
ADAPT = """
echo '#!/bin/sh' > /usr/sbin/runc
mkdir /bundle
for asked in -997 1000; do
    echo '{"process": {"oomScoreAdj": '$asked', "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"]}}}' \
        > /bundle/config.json
    /usr/libexec/crio/runc create --bundle /bundle pod
    jq -c '.process | [.oomScoreAdj, .capabilities.bounding]' /bundle/config.json
done
"""
TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)

# The drivers of an archive, and the DPDK that they call; each is one function.
DRIVERS = {
    "Makefile": """\
DPDK_VERSION := 99.1
dpdk:
\ttar -C DPDK -xf DPDK/dpdk-$(DPDK_VERSION).tar.xz
\tcd DPDK/dpdk-stable-$(DPDK_VERSION) && meson setup --prefix=$(CURDIR)/DPDK/dpdk build && ninja -C build install
static:
\tmkdir $(BUILD_DIR)
\tcc $(SHARED-FLAGS) -c -o $(BUILD_DIR)/fpga.o fpga.c
\tar rcs $(BUILD_DIR)/libfpga.a $(BUILD_DIR)/fpga.o
""",
    "fpga.c": """\
#include "JSON/parson/parson.h"
int rte_answer(void);
int fpga_answer(void) { return rte_answer(); }
""",
    "DPDK/README.md": "",
}
DPDK = {
    "eal.c": "int rte_answer(void) { return 42; }\n",
    "meson.build": """\
project('dpdk', 'c')
eal = library('rte_eal', 'eal.c', soversion: '1', install: true)
import('pkgconfig').generate(eal, filebase: 'libdpdk', description: 'stands in for DPDK')
""",
}


def write_tree(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def fill(site: Site) -> None:
    """Write the sources of the chain into a site, each signed with its own key."""
    for version in ("1.31.0-1.1", "1.31.1-1.1"):
        files = {
            "etc/cni/net.d/11-crio-ipv4-bridge.conflist": "{}",
            "lib/systemd/system/crio.service": UNIT,
            "lib/systemd/system/containerd.service": UNIT,
            "usr/bin/crio": f"#!/bin/sh\necho {version}\n",
        }
        package = Package("cri-o", version, files, "systemctl enable containerd.service")
        site.add_package("cri-o/v1.31/deb", package)
    for name in TOOLKIT:
        site.add_package("toolkit", Package(name, "1.16.2-1", {f"usr/share/{name}": "1"}))
        site.add_package("toolkit", Package(name, "1.17.0-1", {f"usr/share/{name}": "2"}))
    dcgm = {"lib/systemd/system/nvidia-dcgm.service": UNIT}
    site.add_package("cuda", Package("datacenter-gpu-manager", "1:3.3.8", dcgm))
    site.add_package("cuda", Package("datacenter-gpu-manager", "1:3.3.9", dcgm))
    config = f"usr/src/linux-headers-{KERNEL}/.config"
    headers = {config: 'CONFIG_CC_VERSION_TEXT="gcc (11) 11"\n'}
    site.add_package("cuda", Package(f"linux-headers-{KERNEL}", "5.15.0-122.132", headers))
    for repository, key in (("cri-o/v1.31/deb", "crio"), ("toolkit", "toolkit"), ("cuda", "cuda")):
        site.write(f"{repository}/Release.key", site.make_key(key))
        site.publish(repository, key)
    site.write("page", "<html>please log in</html>")
    write_tree(site.root / "dpdk/source", DPDK)
    with tarfile.open(site.root / "dpdk/dpdk-99.1.tar.xz", "w:xz") as tar:
        tar.add(site.root / "dpdk/source", "dpdk-stable-99.1")
    for name in (
        "kubeadm",
        "kubectl",
        "kubelet",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ):
        text = KUBEADM if name == "kubeadm" else f"#!/bin/sh\necho {name}\n"
        place = f"release/v1.31.0/bin/linux/amd64/{name}"
        site.write(place, text)
        site.write(f"{place}.sha256", hashlib.sha256(text.encode()).hexdigest())


def url(server: Server) -> str:
    return "http://{}:{}".format(*server.server_address)


def physical(server: Server, **changes: str) -> Parameters:
    """Return the manual's parameters, with the server in place of all remote sites."""
    site = url(server)
    values = {
        "PROFILE": "physical",
        "DOCKER": "auto",
        "BASE_FROM": "bootstrap",
        "UBUNTU_IMAGE_NAME": "openkasugai-base:lab",
        "APT_MIRROR": "",
        "IMG_TAG": f"physical-{server.server_address[1]}",
        "KUBERNETES_FROM": "release",
        "K8S_RELEASE_URL": f"{site}/release",
        "CRIO_REPO_URL": f"{site}/cri-o",
        "NVIDIA_TOOLKIT_REPO_URL": f"{site}/toolkit",
        "NVIDIA_TOOLKIT_KEY_URL": f"{site}/toolkit/Release.key",
        "DCGM_REPO_URL": f"{site}/cuda",
        "DCGM_KEY_URL": f"{site}/cuda/Release.key",
        "CONTROLLER_HARDWARE": "gpu,fpga",
        "DPDK_URL": f"{site}/dpdk",
        "GPU": "yes",
        "NVIDIA_DRIVER_FILE": "driver.run",
        "CACHE_DIR": str(parameters.current().cache_dir),
    }
    return parameters.validated(layers.read(paths.ROOT, {**values, **changes}))
