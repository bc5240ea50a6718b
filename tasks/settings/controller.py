"""The parts of the controller's archive that the adapters look for. Imports no other module of this tool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tasks.settings import leftovers

if TYPE_CHECKING:
    from collections.abc import Collection

# The words of CONTROLLER; it may also name a folder.
CONTROLLERS = ("archive", "sample", "auto")

# The one folder at the top of the archive.
TOP = "controller"

JSON = "test/sample-data/sample-data-common/json"
SCENARIOS = "test/sample-data/sample-data-for-all-in-one"
DEPLOY_SCRIPT = "test/script/run_controllers.sh"
FUNCTIONS = "sample-functions/functions/for_all_in_one"
UTILITIES = "sample-functions/utils"
# The image that sends videos to dataflows.
VIDEO_SENDER = "send_video_tool"
COLLECTOR = "src/tools/InfoCollector"

# Where the Dockerfiles expect the drivers that some programs link, and where the archive holds their source.
DRIVERS = "openkasugai-hardware-drivers"
DRIVERS_SOURCE = "src/submodules/fpga-software"
# Its source lies beside the controllers, but the controllers that link it copy it from their own folder.
FPGA_DATABASE = "fpgadb"
FPGA_DATABASE_SOURCE = "src/fpgadb"
# In the drivers' source, but only if the maker of the archive has put it there.
DRIVERS_JSON_PARSER = "lib/JSON/parson/parson.c"

# What the sample has, and no other controller.
SAMPLE_OPERATOR = "src/sample_operator"

# What lies in a checkout without being its source, also what compilers and tests leave. Names of files and folders at
# any place, and paths as a regular expression.
NOT_SOURCE = (*leftovers.NAMES, "*.o", "*.ko", "*.test", "*.out")
NOT_SOURCE_AT = r"src/[^/]+/bin"

# Namespaces that the archive's managers expect, although none of its manifests holds them.
NAMESPACES = ("test01", "cluster01", "topologyinfo")

# The name that a manager's manifests may give its image: the original's build replaces it with the real name.
PLACEHOLDER = "controller"

# The user that the archive's Dockerfiles run daemons as. A kubelet passes on an image's user, but not its group.
USER_ID = 65532

# Upstream no longer has its image; it only guards metrics that nobody scrapes here.
DROPPED_CONTAINERS = frozenset({"kube-rbac-proxy"})


@dataclass(frozen=True)
class Component:
    """A part of the controller that runs in the cluster.

    Attributes:
        image: Last path component of its image.
        folder: Its folder under `src`.
        role: A manager is a Deployment on the control plane, a daemon runs on each worker.
        reads: ConfigMaps it reads once, when it starts.
        needs: Hardware that it needs to be deployed; its definitions are deployed in any case.
    """

    image: str
    folder: str
    role: Literal["manager", "daemon"]
    reads: tuple[str, ...] = ()
    needs: str = ""

    @property
    def manifests(self) -> str:
        """Path of the folder with all of the component's manifests in the archive."""
        return f"src/{self.folder}/config"

    @property
    def daemon_set(self) -> str:
        """Path of a daemon's manifest in the archive."""
        return f"src/{self.folder}/config/samples/crc_{self.image}_daemonset.yaml"

    @property
    def deployment(self) -> str:
        """Path of a manager's kustomization in the archive."""
        return f"src/{self.folder}/config/default"

    @property
    def definitions(self) -> str:
        """Path of the kustomization that lists the component's definitions."""
        return f"src/{self.folder}/config/crd/kustomization.yaml"


# In the order of the original installation: if two folders hold the same definition, the later one counts.
COMPONENTS = (
    Component("deviceinfo", "DeviceInfo", "daemon", reads=("infrastructureinfo", "deployinfo")),
    Component("pcieconnection", "PCIeConnection", "daemon", needs="fpga"),
    Component("ethernetconnection", "EthernetConnection", "daemon"),
    Component("fpgafunction", "FPGAFunction", "daemon", needs="fpga"),
    Component("gpufunction", "GPUFunction", "daemon", needs="gpu"),
    Component("cpufunction", "CPUFunction", "daemon"),
    Component("whitebox-k8s-flowctrl", "whitebox-k8s-flowctrl", "manager"),
    Component("wbfunction", "WBFunction", "manager", reads=("functionkindmap",)),
    Component("wbconnection", "WBConnection", "manager", reads=("connectionkindmap",)),
)


# The steps of its deployment in their order, and what each disrupts in a running controller.
STEPS = {
    "definitions": "",
    "configuration": "",
    "managers": "the controller: it restarts where it changed",
    "daemons": "the workers' daemons: they restart where they changed",
}
GPU = "gpu"
FPGA = "fpga"
HARDWARE = (GPU, FPGA)


def deployed(role: str, hardware: Collection[str] = ()) -> tuple[Component, ...]:
    """Return the components of a role that are deployed.

    Args:
        role: `manager` or `daemon`.
        hardware: Hardware whose components are requested, besides those that need none.
    """
    wanted = {"", *hardware}
    return tuple(component for component in COMPONENTS if component.role == role and component.needs in wanted)


@dataclass(frozen=True)
class SourceImage:
    """An image that is built from the archive's source.

    Attributes:
        name: Last path component of the references to it.
        folder: Where its Dockerfile is in the archive.
        context: The folder its Dockerfile copies from.
        packages: Folder of kind/ whose image takes from the distribution what its Dockerfile installs from elsewhere.
        published: Whether its makers publish it.
    """

    name: str
    folder: str
    context: str
    packages: str = ""
    published: bool = False


def _function_image(folder: str) -> SourceImage:
    return SourceImage(folder.rpartition("/")[2], f"{FUNCTIONS}/{folder}", f"{FUNCTIONS}/{folder}")


def _video_tool(name: str) -> SourceImage:
    folder = f"{UTILITIES}/{name}"
    return SourceImage(name, folder, folder, packages="gstreamer", published=True)


# Runs beside each function, and is small: every node of a dataflow pulls it.
SIDECAR = "cpufunc_sidecar"

# The images of dataflow functions and of their video tools; each is built when a pattern runs it.
FUNCTION_IMAGES = (
    _function_image("calc-func/cpufunc_calcapp"),
    _function_image(f"cpugpu-func/{SIDECAR}"),
    _function_image("cpugpu-func/cpufunc_gst"),
    _function_image("cpugpu-func/gpufunc_dsa"),
    _video_tool(VIDEO_SENDER),
    _video_tool("rcv_video_tool"),
)

CONTROLLER_IMAGES = tuple(
    SourceImage(component.image, f"src/{component.folder}", "src", published=True) for component in COMPONENTS
)

# DeepStream with the archive's plugins: 22 GB, and its build needs a GPU. The user builds it, as the archive says.
DEEPSTREAM = "gpu_infer_tcp"
# Folder of kind/ with a stand-in for it: the sample's function starts from it, the archive's with EMULATE=gpu.
DEEPSTREAM_STAND_IN = "stand-in-gpu-infer-tcp"
DEEPSTREAM_FOLDER = "sample-functions/functions/gpu_infer_tcp_plugins/fpga_depayloader/build_docker/gpu-deepstream"

# ConfigMap -> JSON file; without these, no dataflow is ever scheduled.
REQUIRED_CONFIGURATION = {
    "functionkindmap": "functionkindmap.json",
    "connectionkindmap": "connectionkindmap.json",
}
# What FPGAs need: created if the archive holds the file. The archive's demo data is not: the original removes it again.
OPTIONAL_CONFIGURATION = {
    "servicer-mgmt-info": "servicer-mgmt-info.json",
    "region-unique-info": "region-unique-info.json",
    "function-unique-info": "function-unique-info.json",
    "predetermined-region-info": "predetermined-region.json",
}

# The names of CPU and GPU models in the inventory, and what each offers.
DEVICE_TYPES = "devicetypemap.json"
REGIONS = "region-unique-info.json"
# What one CPU socket, or a GPU, offers to functions if the archive does not know the model.
FUNCTIONS_PER_SOCKET = 110
CAPACITY_PER_SOCKET = 120
