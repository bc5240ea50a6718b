"""The packages of the node images, in the repositories and not."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tasks.settings import packages
from tasks.settings.checks import FAILED, OK
from tests.unit.doctor.recorded import Case, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.host.facts import Answer

CRIO = "https://pkgs.k8s.io/addons:/cri-o:/stable:/v1.31/deb"
NEW_CRIO = "https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v1.34/deb"
TOOLKIT = "https://nvidia.github.io/libnvidia-container/stable/deb/amd64"
DCGM = "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64"
GPU = {"GPU": "yes"}
V134 = {"CRIO_REPO_VERSION": "v1.34", "CRIO_PKG_VERSION": "1.34.2-1.1"}
MADE_OF = {"CRIO_REPO_URL": CRIO.removesuffix("/v1.31/deb"), "CRIO_REPO_VERSION": "v1.31"}


def index(*packages_and_versions: str) -> bytes:
    """Return an index of packages, given as `name=version`, between others."""
    rows = [one.split("=", 1) for one in ("another=1.31.0-1.1", *packages_and_versions, "cri-o-more=9")]
    return "\n".join(
        f"Package: {name}\nArchitecture: amd64\nDescription: text\n with Version: 7\nVersion: {version}\n"
        for name, version in rows
    ).encode()


def site(url: str, content: bytes) -> dict[str, Answer | str]:
    """Return a repository with a compressed index."""
    return {f"{url}/Packages.gz": answer(gzip.compress(content))}


def plain(url: str, content: bytes, status: int = 200) -> dict[str, Answer | str]:
    """Return a repository with a plain index only."""
    return {f"{url}/Packages.gz": answer(status=404), f"{url}/Packages": answer(content, status)}


CRIOS = index("cri-o=1.31.10-1.1", "cri-o=1.31.9-1.1", "cri-o=1.31.1-1.1", "cri-o=1.31.0-1.1", "cri-o=1.31.5-1.1")
TOOLKITS = [f"{name}={version}" for name in packages.TOOLKIT.names for version in ("1.16.2-1", "1.17.0-1")]
CASES = (
    Case("crio-packages", OK, "no node image", environ={"PROFILE": "lab"}),
    Case("crio-packages", OK, "no node image", environ={"CRIO_FROM": "modules"}),
    Case("crio-packages", OK, "there", web=site(CRIO, CRIOS)),
    Case("crio-packages", OK, "there", web=plain(CRIO, CRIOS), docker=""),
    Case("crio-packages", OK, "there", web=site(NEW_CRIO, index("cri-o=1.34.2-1.1")), environ=V134),
    Case(
        "crio-packages",
        FAILED,
        "cri-o 1.31.4-1.1 is not there, but 1.31.0-1.1, 1.31.1-1.1, 1.31.5-1.1, 1.31.9-1.1",
        cure="CRIO_PKG_VERSION=1.31.5-1.1",
        web=site(CRIO, CRIOS),
        environ={"CRIO_PKG_VERSION": "1.31.4-1.1"},
    ),
    Case(
        "crio-packages",
        FAILED,
        "cri-o is not there",
        cure="CRIO_REPO_URL of a repository that has it",
        web=site(CRIO, index()),
    ),
    Case("crio-packages", FAILED, "no such repository (status 403)", cure="curl -f", web=plain(CRIO, b"", 403)),
    Case("crio-packages", FAILED, "timed out", cure=", or CRIO_FROM=modules", web={f"{CRIO}/Packages.gz": "timed out"}),
    Case("crio-packages", FAILED, "CRIO_REPO_URL: no index", web=plain(CRIO, b"<html>log in</html>")),
    Case("crio-packages", FAILED, "a damaged index", web={f"{CRIO}/Packages.gz": answer(gzip.compress(CRIOS)[:-9])}),
    Case(
        "crio-packages",
        OK,
        "1.31.0-1.1 is in the image already",
        images={"kind-ubuntu-node-crio:22.04.5": {**MADE_OF, "CRIO_PKG_VERSION": "1.31.0-1.1"}},
    ),
    Case(
        "crio-packages",
        FAILED,
        "1.31.4-1.1 is not there",
        cure="CRIO_PKG_VERSION=1.31.5-1.1",
        images={"kind-ubuntu-node-crio:22.04.5": {**MADE_OF, "CRIO_PKG_VERSION": "1.31.0-1.1"}},
        web=site(CRIO, CRIOS),
        environ={"CRIO_PKG_VERSION": "1.31.4-1.1"},
    ),
    Case("toolkit-packages", OK, "no node image", environ={"GPU": "no"}),
    Case("toolkit-packages", OK, "there", environ=GPU, web=plain(TOOLKIT, index(*TOOLKITS))),
    Case(
        "toolkit-packages",
        FAILED,
        "libnvidia-container1 1.16.2-1 is not there, but 1.17.0-1",
        cure="NVIDIA_TOOLKIT_VERSION=1.17.0-1",
        environ=GPU,
        web=site(TOOLKIT, index(*(one for one in TOOLKITS if one != "libnvidia-container1=1.16.2-1"))),
    ),
    Case("dcgm-packages", OK, "no node image"),
    Case("dcgm-packages", OK, "there", environ=GPU, web=site(DCGM, index("datacenter-gpu-manager=1:3.3.8"))),
    Case(
        "dcgm-packages",
        FAILED,
        "datacenter-gpu-manager 1:3.3.8 is not there, but 1:3.3.5, 1:3.3.9, 2:1.0",
        cure="DCGM_VERSION=1:3.3.9",
        environ=GPU,
        web=site(DCGM, index(*(f"datacenter-gpu-manager={one}" for one in ("2:1.0", "1:3.3.9", "1:3.3.5")))),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_finds(case: Case, verify: Callable[[Case], None]) -> None:
    verify(case)
