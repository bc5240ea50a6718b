"""The table of a cluster's add-ons: an add-on is data, and the same code installs all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.settings import artifacts, images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.images import NodeImage


@dataclass(frozen=True)
class AddonFile:
    """A file that an add-on puts on every node.

    Attributes:
        source: Its name in the add-on's folder under manifest/; a name that ends in .j2 is rendered for each node.
        path: Its path on the node; not on a tmpfs.
        mode: Its permission bits.
    """

    source: str
    path: str
    mode: int = 0o644


@dataclass(frozen=True)
class ModuleManifests:
    """Upstream's manifests in the Go module of an artifact; its go.sum is the checksum.

    Attributes:
        artifact: The artifact.
        path: A file or folder of the module.
    """

    artifact: GoArtifact
    path: str


@dataclass(frozen=True)
class DownloadedManifest:
    """Upstream's manifest, as a file of its repository at the tag of a version.

    Attributes:
        repository: `owner/name`.
        path: Path of the file.
        sha256: Checksum of the file, by version; of another version, the file is taken as it is served.
    """

    repository: str
    path: str
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class PublishedImage:
    """An image that upstream publishes.

    Attributes:
        name: Its name in upstream's manifests, without tag.
        tag: Its tag; {version} stands for the version of the add-on.
    """

    name: str
    tag: str = "{version}"


@dataclass(frozen=True)
class Release:
    """What an add-on runs in the cluster. Its overlay, a kustomization, is in the add-on's folder under manifest/.

    Attributes:
        version: Parameter with its version; empty if its source is in this repository.
        registry: Parameter with the registry and path that hold its published images; empty if it is always compiled.
        manifests: Upstream's manifests; the overlay finds them in `upstream`. None if the overlay has all of them.
        images: The images of the manifests that are replaced.
        built: The image that replaces all of them if they are compiled.
        kustomization: File of the overlay that is its kustomization, without suffixes; a substitute's has its name.
        ipam: How the second interfaces of pods get addresses from it.
    """

    version: str
    registry: str
    manifests: ModuleManifests | DownloadedManifest | None
    images: tuple[PublishedImage, ...]
    built: NodeImage | None = None
    kustomization: str = "kustomization"
    ipam: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Addon:
    """Something a cluster gets beyond Kubernetes.

    Attributes:
        name: Its name, and the name of its folder under manifest/.
        doc: One sentence for the list of tasks.
        parameter: Parameter that chooses it, by its value or by a list that holds it; empty if it is always there.
        value: The value that chooses it.
        files: What it puts on every node.
        units: systemd units that are enabled and started there.
        release: What it runs in the cluster.
        emulated: What it runs instead if cards are stood in for.
        substitute: What it runs instead if its image is compiled and the module proxy refuses its source.
        needs: Add-ons that have to be there first.
        marks: Parts of the names of its images, by which it is recognized where others have installed it.
    """

    name: str
    doc: str
    parameter: str = ""
    value: str = ""
    files: tuple[AddonFile, ...] = ()
    units: tuple[str, ...] = ()
    release: Release | None = None
    emulated: Release | None = None
    substitute: Release | None = None
    needs: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def releases(self) -> tuple[Release, ...]:
        """All that it may run in the cluster."""
        return tuple(filter(None, (self.release, self.emulated, self.substitute)))

    @property
    def is_pod_network(self) -> bool:
        """Whether it is what makes nodes Ready."""
        return self.parameter == "CNI"


# The add-on that gives addresses to Services of type LoadBalancer.
LOAD_BALANCER = "metallb"

_UNITS = "/etc/systemd/system"

ADDONS = (
    Addon(
        name="bridge-cni",
        doc="Give pods a network: a bridge on each node, and routes between the nodes.",
        parameter="CNI",
        value="bridge",
        files=(
            AddonFile("pod-network.sh.j2", "/usr/local/sbin/pod-network", 0o755),
            AddonFile("pod-network.service", f"{_UNITS}/pod-network.service"),
            AddonFile("pod-network.timer", f"{_UNITS}/pod-network.timer"),
            AddonFile("pod-network.conflist.j2", "/etc/cni/net.d/10-pod-network.conflist"),
        ),
        units=("pod-network.timer",),
    ),
    Addon(
        name="calico",
        doc="Give pods a network: Calico.",
        parameter="CNI",
        value="calico",
        release=Release(
            version="CALICO_VERSION",
            registry="CALICO_REGISTRY",
            manifests=DownloadedManifest(
                "projectcalico/calico",
                "manifests/calico.yaml",
                {"v3.28.1": "3349111bfb38ded7c5ddd60018aa1d36f315c4a64902e1c18adba632634c5cf7"},
            ),
            images=tuple(PublishedImage(f"docker.io/calico/{name}") for name in ("cni", "node", "kube-controllers")),
        ),
    ),
    Addon(
        name="multus",
        doc="Let pods have more interfaces than one: Multus.",
        parameter="ADDONS",
        value="multus",
        release=Release(
            version="MULTUS_VERSION",
            registry="MULTUS_REGISTRY",
            manifests=ModuleManifests(artifacts.MULTUS, "deployments/multus-daemonset-thick.yml"),
            images=(PublishedImage("ghcr.io/k8snetworkplumbingwg/multus-cni", "{version}-thick"),),
            built=images.named("addon-multus"),
        ),
        marks=("multus",),
    ),
    Addon(
        name="sriov-device-plugin",
        doc="Offer the virtual functions on the workers to pods: the SR-IOV network device plugin.",
        parameter="ADDONS",
        value="sriov-device-plugin",
        release=Release(
            version="SRIOV_DEVICE_PLUGIN_VERSION",
            registry="SRIOV_DEVICE_PLUGIN_REGISTRY",
            manifests=DownloadedManifest(
                "k8snetworkplumbingwg/sriov-network-device-plugin",
                "deployments/sriovdp-daemonset.yaml",
                {"v3.7.0": "868d76af540f582e879be813eca16c5d896acbc12f73798e81f22bb62f0243a3"},
            ),
            images=(PublishedImage("ghcr.io/k8snetworkplumbingwg/sriov-network-device-plugin"),),
        ),
        emulated=Release(
            version="",
            registry="",
            manifests=None,
            images=(PublishedImage("stand-in-device-plugin"),),
            built=images.named("addon-stand-in-device-plugin"),
            kustomization="stand-in",
        ),
        marks=("sriov-network-device-plugin",),
    ),
    Addon(
        name="metallb",
        doc="Give Services of type LoadBalancer addresses: MetalLB.",
        parameter="ADDONS",
        value="metallb",
        release=Release(
            version="METALLB_VERSION",
            registry="METALLB_REGISTRY",
            manifests=ModuleManifests(artifacts.METALLB, "config/manifests/metallb-native.yaml"),
            images=tuple(PublishedImage(f"quay.io/metallb/{name}") for name in ("controller", "speaker")),
            built=images.named("addon-metallb"),
        ),
        marks=("metallb",),
    ),
    Addon(
        name="nvidia-k8s-ipam",
        doc="Give the second interfaces of pods addresses: nvidia-k8s-ipam.",
        parameter="ADDONS",
        value="nvidia-k8s-ipam",
        release=Release(
            version="NVIDIA_K8S_IPAM_VERSION",
            registry="NVIDIA_K8S_IPAM_REGISTRY",
            manifests=ModuleManifests(artifacts.NVIDIA_K8S_IPAM, "deploy"),
            images=(PublishedImage("ghcr.io/mellanox/nvidia-k8s-ipam"),),
            built=images.named("addon-nvidia-k8s-ipam"),
            ipam={"type": "nv-ipam", "poolName": "nv-pool1"},
        ),
        substitute=Release(
            version="WHEREABOUTS_VERSION",
            registry="",
            manifests=ModuleManifests(artifacts.WHEREABOUTS, "doc/crds"),
            images=(PublishedImage("ghcr.io/k8snetworkplumbingwg/whereabouts"),),
            built=images.named("addon-whereabouts"),
            kustomization="whereabouts",
            # The blocks of the nodes do not overlap.
            ipam={"type": "whereabouts", "enable_overlapping_ranges": False},
        ),
        needs=("multus",),
        marks=("nvidia-k8s-ipam", "whereabouts"),
    ),
)
CHOSEN_BY_NAME = tuple(entry.name for entry in ADDONS if entry.parameter == "ADDONS")


def addon(name: str) -> Addon:
    """Return an entry of the table by its name."""
    return next(entry for entry in ADDONS if entry.name == name)
