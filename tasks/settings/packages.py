"""The apt repositories from which node images take packages, each held at one version, and where CRI-O's are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.settings import images

# Stands in CRIO_REPO_URL for the repository that upstream uses for the chosen version.
AUTO = "auto"
# The earlier place, whose packages ended with these versions (github.com/cri-o/cri-o, issues 9101, 9111 and 9341).
_KUBERNETES = "https://pkgs.k8s.io/addons:/cri-o:/stable:"
_LAST = {(1, 30): 10, (1, 31): 5, (1, 32): 1}
_BUILD_SERVICE = "https://download.opensuse.org/repositories/isv:/cri-o:/stable:"


@dataclass(frozen=True)
class Repository:
    """A repository, and the packages that an image takes from it.

    Attributes:
        check: Name of doctor's check.
        image: The image that takes them.
        names: The packages.
        version: Parameter with their version.
        place: Parameter with the address.
        address: Address of the flat repository, to be formatted with the parameters.
        otherwise: What else the user can choose if the repository cannot be reached.
    """

    check: str
    image: str
    names: tuple[str, ...]
    version: str
    place: str
    address: str
    otherwise: str = ""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that decide what is installed."""
        return (*(name.upper() for name in re.findall(r"\{0\.(\w+)\}", self.address)), self.version)

    def url(self, parameters: object) -> str:
        """Return the address of the repository with these parameters."""
        return self.address.format(parameters).rstrip("/")


CRIO = Repository(
    check="crio-packages",
    image=images.RUNTIME_IMAGES["crio"],
    names=("cri-o",),
    version="CRIO_PKG_VERSION",
    place="CRIO_REPO_URL",
    address="{0.crio_repo_url}/{0.crio_repo_version}/deb",
    otherwise=", or CRIO_FROM=modules",
)
TOOLKIT = Repository(
    check="toolkit-packages",
    image=images.GPU_IMAGE,
    names=(
        "nvidia-container-toolkit",
        "nvidia-container-toolkit-base",
        "libnvidia-container-tools",
        "libnvidia-container1",
    ),
    version="NVIDIA_TOOLKIT_VERSION",
    place="NVIDIA_TOOLKIT_REPO_URL",
    address="{0.nvidia_toolkit_repo_url}",
)
DCGM = Repository(
    check="dcgm-packages",
    image=images.GPU_IMAGE,
    names=("datacenter-gpu-manager",),
    version="DCGM_VERSION",
    place="DCGM_REPO_URL",
    address="{0.dcgm_repo_url}",
)
REPOSITORIES = (CRIO, TOOLKIT, DCGM)


def crio_place(version: str) -> str:
    """Return where upstream has a version of CRI-O's package.

    Args:
        version: Version of the package, such as 1.31.0-1.1.
    """
    major, minor, patch = map(int, version.partition("-")[0].split("."))
    is_earlier = (major, minor) < min(_LAST) or patch <= _LAST.get((major, minor), -1)
    return _KUBERNETES if is_earlier else _BUILD_SERVICE
