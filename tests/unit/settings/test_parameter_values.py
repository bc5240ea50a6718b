"""tasks.settings.parameters: good and bad values of each parameter, and the one line about a bad one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.settings.nics import WORKERS
from tests.unit.settings.conftest import refusal, valid

if TYPE_CHECKING:
    from pathlib import Path

_EXISTING = {
    "TARGET": "existing",
    "TARGET_KUBECONFIG": "/none",
    "TARGET_CONTEXT": "theirs",
    "REGISTRY": "harbor",
    "EMULATE": "",
}
BAD = [
    ("K8S_VERSION", "'1.31.0' is not a version such as v1.2.3", {"K8S_VERSION": "1.31.0"}),
    ("GO_VERSION", "'v1.23.0' is not a release of Go such as 1.23.0", {"GO_VERSION": "v1.23.0"}),
    ("GO_VERSION", "'1.23' is not a release of Go such as 1.23.0", {"GO_VERSION": "1.23"}),
    ("GO_VERSION", "1.22.5 is older than 1.23.0, which the modules in kind/go need", {"GO_VERSION": "1.22.5"}),
    ("CRIO_REPO_VERSION", "'1.31' is not a version such as v1.2", {"CRIO_REPO_VERSION": "1.31"}),
    ("CRIO_PKG_VERSION", "'1.31.0' is not a package version such as 1.2.3-1.1", {"CRIO_PKG_VERSION": "1.31.0"}),
    ("CRIO_PKG_VERSION", "not in the repository", {"CRIO_PKG_VERSION": "1.30.2-1.1"}),
    ("KUBERNETES_FROM", "is not 'auto', 'release' or 'modules'", {"KUBERNETES_FROM": "source"}),
    ("K8S_RELEASE_URL", "http://host/path", {"K8S_RELEASE_URL": "dl.k8s.io/release"}),
    ("GO_PROXY", "'direct' is not a list of Go module proxies", {"GO_PROXY": "direct"}),
    ("GO_PROXY", "is not a list of Go module proxies such as http://host,direct", {"GO_PROXY": "http://host, direct"}),
    ("CRIO_REPO_URL", "'' is not auto, or an address such as http://host/path", {"CRIO_REPO_URL": ""}),
    ("CRIO_REPO_URL", "'newest' is not auto", {"CRIO_REPO_URL": "newest"}),
    ("CRIO_REPO_KEY_URL", "http://host/path", {"CRIO_REPO_KEY_URL": "Release.key"}),
    ("CRIO_REPO_KEY_SHA256", "'abc' is not a SHA-256 of 64 hexadecimal digits", {"CRIO_REPO_KEY_SHA256": "abc"}),
    ("APT_MIRROR", "http://host/path", {"APT_MIRROR": "mirror"}),
    ("GPU", "is not 'auto', 'share', 'yes' or 'no'", {"GPU": "1"}),
    ("NVIDIA_CTK_VERSION", "not a version such as v1.2.3", {"NVIDIA_CTK_VERSION": "1.17.8"}),
    ("CRIO_FROM", "is not 'packages' or 'modules'", {"CRIO_FROM": "source"}),
    ("CRICTL_VERSION", "not a version such as v1.2.3", {"CRICTL_VERSION": "1.30.0"}),
    ("CRIO_VERSION", "not a version such as v1.2.3", {"CRIO_VERSION": "1.31"}),
    ("NODE_RUNTIME", "is not 'crio', 'containerd' or 'auto'", {"NODE_RUNTIME": "docker"}),
    ("GPU", "needs NODE_RUNTIME=crio", {"GPU": "yes", "NODE_RUNTIME": "containerd"}),
    ("NVIDIA_TOOLKIT_VERSION", "1.2.3-1", {"NVIDIA_TOOLKIT_VERSION": "latest"}),
    ("NVIDIA_TOOLKIT_REPO_URL", "http://host/path", {"NVIDIA_TOOLKIT_REPO_URL": "x"}),
    ("DCGM_VERSION", "1.2.3-1", {"DCGM_VERSION": ""}),
    ("DPDK_FROM", "is not 'release' or 'distribution'", {"DPDK_FROM": "archive"}),
    ("DPDK_URL", "http://host/path", {"DPDK_URL": "fast.dpdk.org"}),
    ("DPDK_SHA256", "64 hexadecimal digits", {"DPDK_SHA256": "abc"}),
    ("NVIDIA_DRIVER_SHA256", "64 hexadecimal digits", {"NVIDIA_DRIVER_SHA256": "abc"}),
    ("IMG_TAG", "'a b' is not an image tag of letters, digits, '_', '.', '-'", {"IMG_TAG": "a b"}),
    ("IMG_TAG", "'' is not an image tag", {"IMG_TAG": ""}),
    ("CONTROLLER", "'published' is not archive, sample, auto, or an absolute path", {"CONTROLLER": "published"}),
    ("CONTROLLER", "'../controller' is not archive, sample, auto", {"CONTROLLER": "../controller"}),
    ("CONTROLLER", "or an absolute path such as ~/controller", {"CONTROLLER": "~nobody-of-that-name/controller"}),
    ("CONTROLLER", "'' is not archive", {"CONTROLLER": ""}),
    ("CONTROLLER_IMAGES", "is not 'auto', 'registry' or 'source'", {"CONTROLLER_IMAGES": "published"}),
    ("FUNCTION_IMAGES", "is not 'auto', 'registry' or 'source'", {"FUNCTION_IMAGES": "harbor"}),
    ("FUNCTION_IMAGES_TAG", "'' is not an image tag", {"FUNCTION_IMAGES_TAG": ""}),
    ("DCI_REGISTRY_ADDR", "without scheme", {"DCI_REGISTRY_ADDR": "https://ghcr.io/x"}),
    ("DCI_REGISTRY_ADDR_ALT", "without scheme", {"DCI_REGISTRY_ADDR_ALT": "192.168.10.100"}),
    ("DCI_REGISTRY_ADDR_ALT", "'harbor' is not a registry", {"DCI_REGISTRY_ADDR_ALT": "harbor/images"}),
    ("METALLB_REGISTRY", "'quay' is not a registry", {"METALLB_REGISTRY": "quay/metallb"}),
    ("CALICO_REGISTRY", "'calico' is not a registry", {"CALICO_REGISTRY": "calico"}),
    ("MULTUS_REGISTRY", "begins with a scheme", {"MULTUS_REGISTRY": "https://ghcr.io/x"}),
    ("DCI_REGISTRY_ADDR", "ends with a slash", {"DCI_REGISTRY_ADDR": "ghcr.io/x/"}),
    ("DCI_REGISTRY_ADDR", "the path is missing", {"DCI_REGISTRY_ADDR": "ghcr.io"}),
    ("DCI_REGISTRY_ADDR", "try ghcr.io/open", {"DCI_REGISTRY_ADDR": "ghcr.io/Open"}),
    ("DCI_REGISTRY_ADDR_ALT", "try harbor.lan/x", {"DCI_REGISTRY_ADDR_ALT": "Harbor.lan/x"}),
    ("DCI_REGISTRY_ADDR_ALT", "an IPv6 address; give", {"DCI_REGISTRY_ADDR_ALT": "[fd00::1]:5000/x"}),
    ("DCI_REGISTRY_ADDR_ALT", "'70000' is not a port", {"DCI_REGISTRY_ADDR_ALT": "harbor:70000/x"}),
    ("DCI_REGISTRY_ADDR_ALT", "'' is not a port", {"DCI_REGISTRY_ADDR_ALT": "harbor:/x"}),
    (
        "DCI_REGISTRY_ADDR_ALT",
        "'my_harbor.lan' is not the name of a host",
        {"DCI_REGISTRY_ADDR_ALT": "my_harbor.lan/x"},
    ),
    ("DCI_REGISTRY_ADDR_ALT", "'x:1': a tag or digest", {"DCI_REGISTRY_ADDR_ALT": "harbor.lan/x:1"}),
    ("DCI_REGISTRY_ADDR_ALT", "'': not a part of a path", {"DCI_REGISTRY_ADDR_ALT": "harbor.lan//x"}),
    ("UBUNTU_IMAGE_NAME", "'harbor' is not a registry", {"UBUNTU_IMAGE_NAME": "harbor/images/ubuntu:22.04"}),
    ("UBUNTU_IMAGE_NAME", "begins with a scheme", {"UBUNTU_IMAGE_NAME": "https://harbor.lan/ubuntu:22.04"}),
    ("UBUNTU_IMAGE_NAME", "is not a tag", {"UBUNTU_IMAGE_NAME": "ubuntu:"}),
    ("UBUNTU_IMAGE_NAME", "the digest is not", {"UBUNTU_IMAGE_NAME": "ubuntu@sha256:12"}),
    ("DCI_REGISTRY_CERT_URL", "http://host/path", {"DCI_REGISTRY_CERT_URL": "ftp://x/ca.crt"}),
    ("DCI_REGISTRY_CERT_SHA256", "64 hexadecimal digits", {"DCI_REGISTRY_CERT_SHA256": "abc"}),
    ("DCI_REGISTRY_CERT_URL", "offers its CA at", {"REGISTRY": "embedded"}),
    ("DCI_K8S_SOFTWARE_TARFILE", "without folders", {"DCI_K8S_SOFTWARE_TARFILE": "src/controller.tar.gz"}),
    ("NVIDIA_DRIVER_FILE", "without folders", {"NVIDIA_DRIVER_FILE": ""}),
    ("CACHE_DIR", "not an absolute path", {"CACHE_DIR": "cache"}),
    ("CA_PORT", "REGISTRY_PORT too", {"CA_PORT": "5000", "REGISTRY_PORT": "5000"}),
    ("REGISTRY_PORT", "between 1 and 65535", {"REGISTRY_PORT": "70000"}),
    ("VIDEO", "without folders", {"VIDEO": "films/road.mp4"}),
    ("INPUTS", "'two' is not a number such as 2", {"INPUTS": "1 two"}),
    ("INPUTS", "'2,3' is not a number such as 2", {"INPUTS": "2,3"}),
    ("INPUTS", "'inf' is not a number such as 2", {"INPUTS": "1 inf"}),
    ("INPUTS", "'1_000' is not a number such as 2", {"INPUTS": "1_000"}),
    ("INPUTS", "'--help' is not a number such as 2", {"INPUTS": "--help"}),
    ("INPUTS", "1e400 is too large", {"INPUTS": "1e400"}),
    ("VERIFY", "is not 'yes' or 'no'", {"VERIFY": "1"}),
    ("RECREATE", "neither empty nor 1", {"RECREATE": "yes"}),
    ("CLUSTER_DEADLINE", "only digits", {"CLUSTER_DEADLINE": "-5"}),
    ("CLUSTER_DEADLINE", "between 1 and", {"CLUSTER_DEADLINE": "0"}),
    ("PIPELINE_DEADLINE", "only digits", {"PIPELINE_DEADLINE": "15 min"}),
    ("PULL_DEADLINE", "between 1 and", {"PULL_DEADLINE": "0"}),
    ("CLUSTER_NAME", "lower-case", {"CLUSTER_NAME": "Kind_1"}),
    ("CLUSTER_NAME", "leave room for 49", {"CLUSTER_NAME": "k" * 50}),
    ("CNI", "is not 'calico' or 'bridge'", {"CNI": "flannel"}),
    ("CONTROLLER_HARDWARE", "'tpu' is not one of gpu, fpga", {"CONTROLLER_HARDWARE": "gpu, tpu"}),
    ("EMULATE", "'fpga' is not one of sriov, gpu", {"EMULATE": "gpu,fpga"}),
    (
        "EMULATE",
        "gpu needs the parts of the controller for GPUs: CONTROLLER_HARDWARE=gpu",
        {"EMULATE": "gpu", "CONTROLLER_HARDWARE": ""},
    ),
    (
        "GPU",
        "yes asks for this machine's own GPU, but EMULATE stands in for one",
        {"EMULATE": "gpu", "CONTROLLER_HARDWARE": "gpu", "GPU": "yes", "NODE_RUNTIME": "crio"},
    ),
    ("INVENTORY", "is not 'host' or 'collector'", {"INVENTORY": "node"}),
    ("ADDONS", "'what' is not an add-on; there are multus, ", {"ADDONS": "what"}),
    ("UBUNTU_IMAGE_NAME", "'Ubuntu' is not an image such as name:tag", {"UBUNTU_IMAGE_NAME": "Ubuntu"}),
    ("SRIOV", "given is of a cluster that exists already", {"SRIOV": "given"}),
    ("SRIOV_RESOURCE", "is not a resource such as openshift.io/cards", {"SRIOV_RESOURCE": "cards"}),
    ("SRIOV_RESOURCE", "a cluster of kind offers them as nvidia.com/", {"SRIOV_RESOURCE": "openshift.io/cards"}),
    (
        "SRIOV_RESOURCE",
        "the images of CONTROLLER_IMAGES=registry ask for",
        {**_EXISTING, "SRIOV": "given", "SRIOV_RESOURCE": "a.b/c", "CONTROLLER_IMAGES": "registry"},
    ),
    (
        "SRIOV_RESOURCE",
        "sriov-device-plugin (ADDONS) offers nvidia.com/",
        {**_EXISTING, "SRIOV": "given", "SRIOV_RESOURCE": "a.b/c", "ADDONS": "sriov-device-plugin"},
    ),
    ("SRIOV", "policy is of a cluster that exists already", {"SRIOV": "policy"}),
    ("SRIOV", "is not 'none', 'given' or 'policy'", {"SRIOV": "yes"}),
    (
        "SRIOV_RESOURCE",
        "the operator takes letters, digits and '_' after the '/', not my-cards",
        {**_EXISTING, "SRIOV": "policy", "SRIOV_RESOURCE": "openshift.io/my-cards"},
    ),
    (
        "ADDONS",
        "sriov-device-plugin is of the operator where SRIOV=policy",
        {**_EXISTING, "SRIOV": "policy", "ADDONS": "sriov-device-plugin"},
    ),
    ("SRIOV_CONSENT", "is not a word of letters, digits", {"SRIOV_CONSENT": "I agree"}),
    ("SRIOV_DEADLINE", "only digits", {"SRIOV_DEADLINE": "1 h"}),
    ("SRIOV_IPAM", "is not JSON", {"SRIOV_IPAM": "nv-ipam"}),
    ("SRIOV_IPAM", "is not the ipam of a CNI configuration", {"SRIOV_IPAM": '["nv-ipam"]'}),
    (
        "METALLB_POOL",
        "auto takes addresses of kind's network",
        {**_EXISTING, "ADDONS": "metallb"},
    ),
    ("METALLB_POOL", "neither auto", {"METALLB_POOL": "some"}),
    ("METALLB_POOL", "comes after the last", {"METALLB_POOL": "10.0.0.9-10.0.0.1"}),
    ("METALLB_POOL", "overlaps POD_SUBNET", {"METALLB_POOL": "10.100.1.0/24"}),
    ("POD_SUBNET", "prefix length is missing", {"POD_SUBNET": "10.244.0.0"}),
    ("POD_SUBNET", "host bits", {"POD_SUBNET": "10.244.0.1/16"}),
    ("POD_SUBNET", "room for 2 nodes", {"POD_SUBNET": "10.244.0.0/23"}),
    ("POD_SUBNET", "room for 0 nodes", {"POD_SUBNET": "10.244.0.0/25"}),
    ("SERVICE_SUBNET", "overlaps POD_SUBNET", {"SERVICE_SUBNET": "10.100.128.0/20"}),
    ("POD_SUBNET", "overlaps NV_IPAM_SUBNET", {"POD_SUBNET": "192.168.0.0/16"}),
    ("SRIOV_IF_REGEX_1", "not a regular expression", {"SRIOV_IF_REGEX_1": "ens(9"}),
    ("SRIOV_IF_REGEX_1", "is empty", {"SRIOV_IF_REGEX_1": ""}),
    ("SRIOV_IF_REGEX_1", "does not match SRIOV_PF_IF_1", {"SRIOV_IF_REGEX_1": "eth0.*"}),
    ("SRIOV_IF_REGEX_2", "matches SRIOV_PF_IF_1 ens9f0np0 too", {"SRIOV_IF_REGEX_2": "ens9.*"}),
    ("SRIOV_PF_IF_2", "SRIOV_PF_IF_1 too", {"SRIOV_PF_IF_2": "ens9f0np0"}),
    ("SRIOV_PF_IF_1", "at most 15 characters", {"SRIOV_PF_IF_1": "ens9f0np0" * 2}),
    ("SRIOV_PF_IPADDR_1", "prefix length is missing", {"SRIOV_PF_IPADDR_1": "192.168.20.2"}),
    ("SRIOV_PF_IPADDR_1", "is not in NV_IPAM_SUBNET", {"SRIOV_PF_IPADDR_1": "192.168.21.2/24"}),
    ("SRIOV_PF_IPADDR_1", "another prefix", {"SRIOV_PF_IPADDR_1": "192.168.20.2/16"}),
    ("SRIOV_PF_IPADDR_2", "SRIOV_PF_IPADDR_1 too", {"SRIOV_PF_IPADDR_2": "192.168.20.2/24"}),
    ("SRIOV_PF_IPADDR_2", "would be given to a pod too", {"SRIOV_PF_IPADDR_2": "192.168.20.30/24"}),
    ("SRIOV_PF_IPADDR_2", "network or broadcast", {"SRIOV_PF_IPADDR_2": "192.168.20.255/24"}),
    ("SRIOV_NUM_VFS", "between 1 and 256", {"SRIOV_NUM_VFS": "0"}),
    ("NV_IPAM_GATEWAY", "is not in NV_IPAM_SUBNET", {"NV_IPAM_GATEWAY": "10.0.0.1"}),
    ("NV_IPAM_GATEWAY", "network or broadcast", {"NV_IPAM_GATEWAY": "192.168.20.0"}),
    ("NV_IPAM_GATEWAY", "is not an address such as 192.0.2.1", {"NV_IPAM_GATEWAY": "192.168.20.1/24"}),
    (
        "NV_IPAM_PER_NODE_BLOCK_SIZE",
        f"{len(WORKERS)} blocks of 128 do not fit the 254",
        {"NV_IPAM_PER_NODE_BLOCK_SIZE": "128"},
    ),
    ("NV_IPAM_PER_NODE_BLOCK_SIZE", "worker 2, 192.168.20.61-192.168.20.120", {"NV_IPAM_PER_NODE_BLOCK_SIZE": "60"}),
    ("NV_IPAM_EXCLUDE_END_1", "comes before", {"NV_IPAM_EXCLUDE_START_1": "192.168.20.20"}),
    ("NV_IPAM_EXCLUDE_END_2", "is not in NV_IPAM_SUBNET", {"NV_IPAM_EXCLUDE_END_2": "192.168.21.0"}),
    ("NV_IPAM_EXCLUDE_START_2", "does not come after", {"NV_IPAM_EXCLUDE_START_2": "192.168.20.5"}),
]


@pytest.mark.parametrize(("name", "reason", "given"), BAD)
def test_a_bad_value_is_refused_by_name_and_reason(root: Path, name: str, reason: str, given: dict[str, str]) -> None:
    origin = "environment" if name in given else "env/defaults.env:"
    lines = refusal(root, **given)
    assert any(line.startswith(origin) and f": {name}: " in line and reason in line for line in lines), lines


GOOD = [
    {"EMULATE": "sriov, gpu", "CONTROLLER_HARDWARE": "gpu"},
    {"EMULATE": "sriov", "GPU": "share", "NODE_RUNTIME": "containerd"},
    {**_EXISTING, "ADDONS": "", "SRIOV": "policy", "SRIOV_PF_IF_1": "ens1", "SRIOV_PF_IF_2": "ens1"},
    {"NVIDIA_CTK_VERSION": "v1.18.0"},
    {"PIPELINE_DEADLINE": "5", "PULL_DEADLINE": "86400"},
    {"DCI_REGISTRY_ADDR_ALT": "harbor.example.org:8443/open-kasugai/images_v1"},
    {"DCI_REGISTRY_ADDR_ALT": "localhost/images"},
    {"DCI_REGISTRY_ADDR_ALT": "harbor:443/images/a__b"},
    {"CALICO_REGISTRY": "docker.io/calico"},
    {"UBUNTU_IMAGE_NAME": "ubuntu"},
    {"UBUNTU_IMAGE_NAME": "someone/ubuntu:22.04"},
    {"UBUNTU_IMAGE_NAME": "harbor:5000/mirror/library/ubuntu:jammy-20240911.1"},
    {"UBUNTU_IMAGE_NAME": f"harbor.lan/ubuntu:22.04@sha256:{'0' * 64}"},
    {"DCI_REGISTRY_CERT_SHA256": ":".join(["AB"] * 32)},
    {"METALLB_POOL": "172.18.255.200-172.18.255.250"},
    {"METALLB_POOL": "172.18.255.192/26"},
    {"POD_SUBNET": "10.1.0.0/22"},
    {"K8S_VERSION": "v1.32.0-rc.1"},
    {"CRICTL_VERSION": "v1.31.1"},
    {"GO_VERSION": "1.24.3"},
    {"CRIO_PKG_VERSION": "1.31.4-1.1"},
    {"CRIO_PKG_VERSION": "1.34.2-1.1", "CRIO_REPO_VERSION": "v1.34"},
    {"CRIO_REPO_URL": "http://mirror.example/cri-o"},
    {"GO_PROXY": "http://127.0.0.1:3000/go|https://goproxy.example,off"},
    {"CACHE_DIR": "/var/cache/with space/é"},
    {"CLUSTER_NAME": "lab-2"},
    {"NV_IPAM_PER_NODE_BLOCK_SIZE": "16"},
    {"VIDEO": "a road at night.mp4"},
    {"INPUTS": "2 3 4"},
    {"INPUTS": " -0.5  +.5 1e-3 0 7. "},
    {"VERIFY": "no"},
    {"CONTROLLER": "/home/me/my controller/"},
    {"CONTROLLER": "~/controller"},
    {"CONTROLLER_IMAGES": "registry", "FUNCTION_IMAGES": "registry", "FUNCTION_IMAGES_TAG": "v1.1.0_rc.1"},
]


@pytest.mark.parametrize("given", GOOD, ids=str)
def test_a_good_value_is_accepted(root: Path, given: dict[str, str]) -> None:
    valid(root, **given)


@pytest.mark.parametrize(
    ("version", "host"),
    [
        ("1.28.11-1.1", "pkgs.k8s.io"),
        ("1.31.0-1.1", "pkgs.k8s.io"),
        ("1.31.5-1.1", "pkgs.k8s.io"),
        ("1.31.6-1.1", "download.opensuse.org"),
        ("1.32.1-1.1", "pkgs.k8s.io"),
        ("1.32.2-1.1", "download.opensuse.org"),
        ("1.33.0-2.1", "download.opensuse.org"),
        ("2.0.0-1.1", "download.opensuse.org"),
    ],
)
def test_the_repository_of_crio_is_upstreams_place_for_its_version(root: Path, version: str, host: str) -> None:
    chosen = {"CRIO_PKG_VERSION": version, "CRIO_REPO_VERSION": f"v{version.rpartition('.')[0].rpartition('.')[0]}"}
    place = valid(root, **chosen).crio_repo_url
    assert place.startswith(f"https://{host}/")
    assert place.endswith("cri-o:/stable:")
    assert valid(root, CRIO_REPO_URL="http://mirror.example/cri-o", **chosen).crio_repo_url.startswith("http://mirror")


def test_a_wrong_version_of_crio_is_one_line_whatever_its_repository_is(root: Path) -> None:
    (line,) = refusal(root, CRIO_PKG_VERSION="newest")
    assert "CRIO_PKG_VERSION: 'newest' is not a package version" in line
