"""The chain of node images: what each is made of. Its Dockerfile and files are in kind/<name>/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tasks.settings import artifacts, controller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.settings.artifacts import GoArtifact

# The label that carries the digest of everything an image was made of.
INPUTS_LABEL = "openkasugai.inputs"
# The same inputs by name, for people: what changed since an image was built.
PARTS_LABEL = "openkasugai.parts"
# The parent of the first image: UBUNTU_IMAGE_NAME, pulled or bootstrapped.
BASE = "base"
# The parent of an image that starts from nothing.
SCRATCH = "scratch"
# Stands in `parent` for the image of the chosen NODE_RUNTIME.
RUNTIME = "runtime"
# The image of nodes, that of the worker that is lent the GPU, and that of the worker that shares it with the host.
NODE_IMAGE = "dci-kind-node-non-acc"
GPU_IMAGE = "dci-kind-node-with-acc"
SHARED_GPU_IMAGE = "dci-kind-node-with-shared-gpu"
RUNTIME_IMAGES = {"crio": "kind-ubuntu-node-crio", "containerd": "kind-ubuntu-node-containerd"}


@dataclass(frozen=True)
class Programs:
    """Programs of an artifact that an image takes.

    Attributes:
        artifact: The artifact.
        names: File names of the programs.
        folder: Folder of the build context they go to.
        optional: The image is made without them if the module proxy does not have their source.
        only: A parameter and its value with which the image takes them; None if it always does.
        instead: What else the user can choose if the module proxy does not have their source.
    """

    artifact: GoArtifact
    names: tuple[str, ...]
    folder: str
    optional: bool = False
    only: tuple[str, str] | None = None
    instead: str = ""

    def is_wanted(self, parameters: object) -> bool:
        """Return whether the image takes them with these parameters."""
        return self.only is None or getattr(parameters, self.only[0].lower()) == self.only[1]


@dataclass(frozen=True)
class ModuleFiles:
    """Files of a Go module's source that an image takes, and the folder of the build context they go to.

    Attributes:
        artifact: The artifact whose go.sum verifies the module.
        path: Folder within the module.
        folder: Folder of the build context.
    """

    artifact: GoArtifact
    path: str
    folder: str


@dataclass(frozen=True)
class ArchivePart:
    """A folder of the controller's archive that an image takes if the parts for some hardware are requested.

    Attributes:
        hardware: Word of CONTROLLER_HARDWARE that requests it, and the stage of the Dockerfile that has it.
        source: Folder in the archive.
        folder: Folder of the build context.
        arguments: Parameters that the Dockerfile then takes as build arguments.
    """

    hardware: str
    source: str
    folder: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class NodeImage:
    """A node image.

    Attributes:
        name: Repository of its tag, and its folder in kind/.
        meaning: What it adds, in the user's words.
        parent: Name of the image it starts from, or BASE, RUNTIME or SCRATCH.
        programs: Go programs it takes.
        files: Files of Go modules it takes.
        shared: Folders of kind/ it takes besides its own.
        arguments: Parameters that its Dockerfile takes as build arguments.
        facts: Facts of the machine that its Dockerfile takes as build arguments.
        driver: Whether it takes the installer of NVIDIA_DRIVER_FILE.
        archive: What it takes from the controller's archive for some hardware.
        copied: Names of other images from which its Dockerfile copies, by the build arguments that name them there.
    """

    name: str
    meaning: str
    parent: str
    programs: tuple[Programs, ...] = ()
    files: tuple[ModuleFiles, ...] = ()
    shared: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    driver: bool = False
    archive: ArchivePart | None = None
    copied: Mapping[str, str] = field(default_factory=dict)


_CONTROL_PLANE = "kind-control-plane"
_CONTROL_PLANE_PROGRAMS = (
    Programs(artifacts.KUBERNETES, artifacts.CONTROL_PLANE, "control-plane"),
    Programs(artifacts.ETCD, ("etcd",), "control-plane"),
    Programs(artifacts.COREDNS, ("coredns",), "control-plane"),
    Programs(artifacts.PAUSE, ("pause",), "control-plane"),
)
NODE_IMAGES = (
    NodeImage(
        name="kind-ubuntu",
        meaning="the node base: systemd, network tools and kind's own entrypoint",
        parent=BASE,
        files=(ModuleFiles(artifacts.KIND, "images/base/files", "kind-files"),),
        arguments=("APT_MIRROR",),
    ),
    NodeImage(
        name="kind-ubuntu-node",
        meaning="Kubernetes on the node base",
        parent="kind-ubuntu",
        programs=(Programs(artifacts.KUBERNETES, artifacts.NODE, "bin"),),
        arguments=("K8S_VERSION",),
    ),
    NodeImage(
        name=_CONTROL_PLANE,
        meaning="the control plane's images, packed for the nodes' runtimes",
        parent="kind-ubuntu-node",
        programs=_CONTROL_PLANE_PROGRAMS,
        shared=("shared",),
    ),
    NodeImage(
        name=RUNTIME_IMAGES["crio"],
        meaning="CRI-O as the container runtime",
        parent="kind-ubuntu-node",
        programs=(
            Programs(
                artifacts.CRIO,
                ("crio", "pinns"),
                "bin",
                only=("CRIO_FROM", "modules"),
                instead="NODE_RUNTIME=auto, or CRIO_FROM=packages",
            ),
        ),
        shared=("apt",),
        copied={"CONTROL_PLANE_IMAGE": _CONTROL_PLANE},
        arguments=(
            "CRIO_FROM",
            *("CRIO_REPO_URL", "CRIO_REPO_VERSION", "CRIO_PKG_VERSION"),
            *("CRIO_REPO_KEY_URL", "CRIO_REPO_KEY_SHA256"),
        ),
    ),
    NodeImage(
        name=RUNTIME_IMAGES["containerd"],
        meaning="containerd as the container runtime",
        parent="kind-ubuntu-node",
        programs=(Programs(artifacts.CONTAINERD, ("containerd", "containerd-shim-runc-v2", "ctr"), "bin"),),
        copied={"CONTROL_PLANE_IMAGE": _CONTROL_PLANE},
    ),
    NodeImage(
        name=NODE_IMAGE,
        meaning="the node image of a cluster without accelerators: CNI plugins, crictl, libfpga if asked for",
        parent=RUNTIME,
        programs=(
            Programs(artifacts.CNI_PLUGINS, tuple(program.name for program in artifacts.CNI_PLUGINS.programs), "cni"),
            Programs(artifacts.SRIOV_CNI, ("sriov",), "cni", optional=True),
            Programs(artifacts.CRICTL, ("crictl",), "bin", optional=True),
        ),
        shared=("controller-cgo/parson",),
        archive=ArchivePart(
            controller.FPGA, controller.DRIVERS_SOURCE, "fpga-software", ("DPDK_FROM", "DPDK_URL", "DPDK_SHA256")
        ),
    ),
    NodeImage(
        name=GPU_IMAGE,
        meaning="the node image of the worker that is lent the GPU: NVIDIA driver, container toolkit, MPS and DCGM",
        parent=NODE_IMAGE,
        shared=("apt",),
        arguments=(
            *("NVIDIA_TOOLKIT_VERSION", "NVIDIA_TOOLKIT_REPO_URL", "NVIDIA_TOOLKIT_KEY_URL"),
            *("NVIDIA_TOOLKIT_KEY_SHA256", "DCGM_VERSION", "DCGM_REPO_URL", "DCGM_KEY_URL", "DCGM_KEY_SHA256"),
        ),
        facts=("KERNEL_RELEASE",),
        driver=True,
    ),
    NodeImage(
        name=SHARED_GPU_IMAGE,
        meaning="the node image of the worker that shares the host's GPU: container toolkit and MPS, without a driver",
        parent=NODE_IMAGE,
        programs=(
            Programs(
                artifacts.NVIDIA_TOOLKIT,
                tuple(program.name for program in artifacts.NVIDIA_TOOLKIT.programs),
                "bin",
                instead="GPU=yes, or GPU=no",
            ),
        ),
        # What CRI-O and MPS are told is the same, whichever driver the node uses.
        shared=(f"{GPU_IMAGE}/overlay",),
    ),
)
# The images that compile Go programs that link C libraries; the artifact names its compiler.
COMPILERS = (
    NodeImage(name=artifacts.CRIO.compiler, meaning="the compiler of CRI-O", parent=BASE),
    NodeImage(
        name=artifacts.NVIDIA_TOOLKIT.compiler, meaning="the compiler of the NVIDIA container toolkit", parent=BASE
    ),
)
REGISTRY = NodeImage(
    name="openkasugai-registry",
    meaning="the embedded registry",
    parent=SCRATCH,
    programs=(Programs(artifacts.REGISTRY, ("registry",), "bin"), Programs(artifacts.CA_SERVER, ("ca-server",), "bin")),
)
# What add-ons run if their images are compiled; the cluster pulls them from its registry.
ADDON_IMAGES = (
    NodeImage(
        name="addon-metallb",
        meaning="MetalLB",
        parent=SCRATCH,
        programs=(Programs(artifacts.METALLB, ("controller", "speaker"), "bin"),),
    ),
    NodeImage(
        name="addon-multus",
        meaning="Multus",
        parent=BASE,
        programs=(Programs(artifacts.MULTUS, ("install_multus", "multus-daemon", "multus-shim"), "bin"),),
    ),
    NodeImage(
        name="addon-nvidia-k8s-ipam",
        meaning="nvidia-k8s-ipam",
        parent=BASE,
        programs=(Programs(artifacts.NVIDIA_K8S_IPAM, ("ipam-controller", "ipam-node", "nv-ipam"), "bin"),),
    ),
    NodeImage(
        name="addon-whereabouts",
        meaning="whereabouts",
        parent=BASE,
        programs=(Programs(artifacts.WHEREABOUTS, ("whereabouts", "ip-control-loop"), "bin"),),
    ),
    NodeImage(
        name="addon-stand-in-device-plugin",
        meaning="the device plugin of stand-in cards",
        parent=SCRATCH,
        programs=(Programs(artifacts.STAND_IN_DEVICE_PLUGIN, ("stand-in-device-plugin",), "bin"),),
    ),
)
_BY_NAME = {image.name: image for image in (*NODE_IMAGES, *COMPILERS, REGISTRY, *ADDON_IMAGES)}


def named(name: str) -> NodeImage:
    """Return the image with this name."""
    return _BY_NAME[name]


class Naming(Protocol):
    """The parameters that name images."""

    @property
    def img_tag(self) -> str:
        """The tag of all images but the base."""

    @property
    def ubuntu_image_name(self) -> str:
        """The full name of the base."""


def tag(name: str, parameters: Naming) -> str:
    """Return the full name of an image of the chain, or of its base."""
    special = {BASE: parameters.ubuntu_image_name, SCRATCH: SCRATCH}
    return special.get(name) or f"{name}:{parameters.img_tag}"


def parent_name(image: NodeImage, runtime: str) -> str:
    """Return the name of the image that an image starts from; `runtime` is a key of RUNTIME_IMAGES."""
    return RUNTIME_IMAGES[runtime] if image.parent == RUNTIME else image.parent
