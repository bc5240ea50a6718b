"""The pinned table of what is built in Go; each artifact's go.sum, committed beside its go.mod, is the checksum."""

from __future__ import annotations

from dataclasses import dataclass

# SHA-256 of the toolchain archives of the Go module proxy (golang.org/toolchain), for a machine without Go.
TOOLCHAIN_SHA256 = {"1.23.0": "42f5918c5229ad9744e765c3b95b6fa7e8445ca4648b9f028815ae2e2cb81bc8"}
# The version of Go in the go.mod files of kind/go; an older Go refuses them.
OLDEST_GO = "1.23.0"


# Values of KUBERNETES_FROM; the third, `auto`, means the release if its site answers.
RELEASE, MODULES = "release", "modules"


@dataclass(frozen=True)
class Program:
    """A command that an artifact builds.

    Attributes:
        package: Import path of the command, or `.` for the module of the folder itself.
        name: File name of the program.
    """

    package: str
    name: str


@dataclass(frozen=True)
class GoArtifact:
    """Programs that are built from one Go module.

    Attributes:
        name: Its name in messages and in the cache.
        folder: Folder of its go.mod, relative to the checkout.
        programs: What is built.
        module: Module whose version is a parameter; empty if the source is in this repository.
        parameter: Name of that parameter.
        stamps: Values for the linker's -X; {version}, {major} and {minor} stand for the parts of the version.
        release: Name of the parameter with the address of its official releases, if it has any.
        compiler: Name of the image that compiles it, if it links C libraries.
        staging: Major version of the modules in the staging area of its repository, if it has one.
        tags: Build tags, such as those that leave out what no node uses.
    """

    name: str
    folder: str
    programs: tuple[Program, ...]
    module: str = ""
    parameter: str = ""
    stamps: tuple[str, ...] = ()
    release: str = ""
    compiler: str = ""
    staging: str = ""
    tags: tuple[str, ...] = ()


def _programs(prefix: str, *paths: str) -> tuple[Program, ...]:
    """Return the programs of packages below `prefix` that are named after their folder."""
    return tuple(Program(f"{prefix}/{path}", path.rpartition("/")[2]) for path in paths)


_KUBERNETES_VERSION = tuple(
    f"{package}.{value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for value in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}", "gitTreeState=clean", "gitCommit=")
)
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler")
NODE = ("kubeadm", "kubectl", "kubelet")

KUBERNETES = GoArtifact(
    name="kubernetes",
    folder="kind/go/kubernetes",
    programs=_programs("k8s.io/kubernetes/cmd", *CONTROL_PLANE, *NODE),
    module="k8s.io/kubernetes",
    parameter="K8S_VERSION",
    stamps=_KUBERNETES_VERSION,
    release="K8S_RELEASE_URL",
    staging="v0",
)
ETCD = GoArtifact(
    name="etcd",
    folder="kind/go/etcd",
    programs=(Program("go.etcd.io/etcd/server/v3", "etcd"),),
    module="go.etcd.io/etcd/server/v3",
    parameter="ETCD_VERSION",
)
# A command of our own: upstream's has plugins for clouds and tracing too.
COREDNS = GoArtifact(
    name="coredns",
    folder="kind/go/coredns",
    programs=(Program(".", "coredns"),),
    module="github.com/coredns/coredns",
    parameter="COREDNS_VERSION",
)
PAUSE = GoArtifact(name="pause", folder="kind/go/pause", programs=(Program(".", "pause"),))
CONTAINERD = GoArtifact(
    name="containerd",
    folder="kind/go/containerd",
    programs=_programs("github.com/containerd/containerd/cmd", "containerd", "containerd-shim-runc-v2", "ctr"),
    module="github.com/containerd/containerd",
    parameter="CONTAINERD_VERSION",
    stamps=("github.com/containerd/containerd/version.Version={version}",),
    # Nodes unpack images by overlayfs, and send no traces.
    tags=("no_aufs", "no_devmapper", "no_tracing", "no_zfs"),
)
# Its compiler image also builds pinns, which is written in C.
CRIO = GoArtifact(
    name="cri-o",
    folder="kind/go/crio",
    programs=_programs("github.com/cri-o/cri-o/cmd", "crio"),
    module="github.com/cri-o/cri-o",
    parameter="CRIO_VERSION",
    compiler="crio-cgo",
)
CNI_PLUGINS = GoArtifact(
    name="cni-plugins",
    folder="kind/go/cni-plugins",
    programs=_programs(
        "github.com/containernetworking/plugins/plugins",
        *("main/bridge", "main/dummy", "main/host-device", "main/ipvlan", "main/loopback", "main/macvlan"),
        *("main/ptp", "main/tap", "main/vlan"),
        *("ipam/dhcp", "ipam/host-local", "ipam/static"),
        *("meta/bandwidth", "meta/firewall", "meta/portmap", "meta/sbr", "meta/tuning", "meta/vrf"),
    ),
    module="github.com/containernetworking/plugins",
    parameter="CNI_PLUGINS_VERSION",
    stamps=("github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion={version}",),
)
CRICTL = GoArtifact(
    name="crictl",
    folder="kind/go/crictl",
    programs=_programs("github.com/kubernetes-sigs/cri-tools/cmd", "crictl"),
    module="github.com/kubernetes-sigs/cri-tools",
    parameter="CRICTL_VERSION",
    stamps=("github.com/kubernetes-sigs/cri-tools/pkg/version.Version={version}",),
)
SRIOV_CNI = GoArtifact(
    name="sriov-cni",
    folder="kind/go/sriov-cni",
    programs=_programs("github.com/k8snetworkplumbingwg/sriov-cni/cmd", "sriov"),
    module="github.com/k8snetworkplumbingwg/sriov-cni",
    parameter="SRIOV_CNI_VERSION",
)
KIND = GoArtifact(
    name="kind",
    folder="kind/go/kind",
    programs=(Program("sigs.k8s.io/kind", "kind"),),
    module="sigs.k8s.io/kind",
    parameter="KIND_VERSION",
)
# A command of our own: upstream's has the storage of clouds too.
REGISTRY = GoArtifact(
    name="registry",
    folder="kind/go/registry",
    programs=(Program(".", "registry"),),
    module="github.com/distribution/distribution/v3",
    parameter="REGISTRY_VERSION",
)
CA_SERVER = GoArtifact(name="ca-server", folder="kind/go/ca-server", programs=(Program(".", "ca-server"),))
NVIDIA_TOOLKIT = GoArtifact(
    name="nvidia-container-toolkit",
    folder="kind/go/nvidia-container-toolkit",
    programs=_programs(
        "github.com/NVIDIA/nvidia-container-toolkit/cmd", "nvidia-cdi-hook", "nvidia-container-runtime", "nvidia-ctk"
    ),
    module="github.com/NVIDIA/nvidia-container-toolkit",
    parameter="NVIDIA_CTK_VERSION",
    compiler="toolkit-cgo",
)
METALLB = GoArtifact(
    name="metallb",
    folder="kind/go/metallb",
    programs=_programs("go.universe.tf/metallb", "controller", "speaker"),
    module="go.universe.tf/metallb",
    parameter="METALLB_VERSION",
    stamps=("go.universe.tf/metallb/internal/version.release={version}",),
)
MULTUS = GoArtifact(
    name="multus",
    folder="kind/go/multus",
    programs=_programs(
        "gopkg.in/k8snetworkplumbingwg/multus-cni.v4/cmd", "install_multus", "multus-daemon", "multus-shim"
    ),
    module="gopkg.in/k8snetworkplumbingwg/multus-cni.v4",
    parameter="MULTUS_VERSION",
    stamps=("gopkg.in/k8snetworkplumbingwg/multus-cni.v4/pkg/multus.version={version}",),
)
NVIDIA_K8S_IPAM = GoArtifact(
    name="nvidia-k8s-ipam",
    folder="kind/go/nvidia-k8s-ipam",
    programs=_programs("github.com/Mellanox/nvidia-k8s-ipam/cmd", "ipam-controller", "ipam-node", "nv-ipam"),
    module="github.com/Mellanox/nvidia-k8s-ipam",
    parameter="NVIDIA_K8S_IPAM_VERSION",
)
# Gives addresses where the module proxy refuses nvidia-k8s-ipam. It is the newest release that Go 1.23 compiles.
WHEREABOUTS = GoArtifact(
    name="whereabouts",
    folder="kind/go/whereabouts",
    programs=(
        Program("github.com/k8snetworkplumbingwg/whereabouts/cmd", "whereabouts"),
        Program("github.com/k8snetworkplumbingwg/whereabouts/cmd/controlloop", "ip-control-loop"),
    ),
    module="github.com/k8snetworkplumbingwg/whereabouts",
    parameter="WHEREABOUTS_VERSION",
    stamps=("github.com/k8snetworkplumbingwg/whereabouts/pkg/version.Version={version}",),
)
STAND_IN_DEVICE_PLUGIN = GoArtifact(
    name="stand-in-device-plugin",
    folder="kind/go/stand-in-device-plugin",
    programs=(Program(".", "stand-in-device-plugin"),),
)
