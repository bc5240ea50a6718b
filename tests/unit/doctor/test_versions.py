"""Versions that can be had and versions that cannot: what the sites say, and what they mean by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.doctor import published, versions
from tasks.settings import images
from tasks.settings.checks import FAILED, OK, UNKNOWN
from tests.unit.conftest import REFUSED, lab
from tests.unit.doctor.recorded import Case, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Proxy

SITE = "https://goproxy.example"
METALLB = f"{SITE}/go.universe.tf/metallb/@v"
KUBERNETES = f"{SITE}/k8s.io/kubernetes/@v"
IPAM = f"{SITE}/github.com/!mellanox/nvidia-k8s-ipam/@v"
GO = f"{SITE}/golang.org/toolchain/@v"
TOOLCHAINS = "".join(
    f"v0.0.1-go1.{line}.{system}\n" for line in ("23.9", "23.12", "24.1") for system in ("linux-amd64", "x")
)
RELEASES = "https://dl.k8s.io/release"
CALICO = "https://raw.githubusercontent.com/projectcalico/calico/v3.99.0/manifests/calico.yaml"
NOT_FOUND = answer(b"not found: no such version\n", 404)
FORBIDDEN = answer(b"Not on the list.\n", 403)


def kubectl(version: str) -> str:
    return f"{RELEASES}/{version}/bin/linux/amd64/kubectl.sha256"


CASES = (
    Case("versions", OK, "all are pinned or there"),
    Case(
        "versions",
        OK,
        "METALLB_VERSION v0.14.9",
        environ={"METALLB_VERSION": "v0.14.9"},
        web={f"{METALLB}/v0.14.9.info": answer(b"{}")},
    ),
    Case(
        "versions",
        FAILED,
        "METALLB_VERSION v0.14.99: go.universe.tf/metallb@v0.14.99: 404 Not Found: not found: no such version "
        "(there are v0.14.8, v0.14.9, v0.15.2)",
        cure="METALLB_VERSION=v0.14.9",
        environ={"METALLB_VERSION": "v0.14.99"},
        web={
            f"{METALLB}/v0.14.99.info": NOT_FOUND,
            f"{METALLB}/list": answer(b"v0.14.9\nv0.15.2\nv0.14.8\nv0.16.0-rc.1\n"),
        },
    ),
    Case(
        "versions",
        FAILED,
        "github.com/Mellanox/nvidia-k8s-ipam@v0.3.6: 403 Forbidden: Not on the list.",
        cure="NVIDIA_K8S_IPAM_VERSION=v0.3.5",
        environ={"NVIDIA_K8S_IPAM_VERSION": "v0.3.6"},
        web={f"{IPAM}/v0.3.6.info": FORBIDDEN, f"{IPAM}/list": FORBIDDEN},
    ),
    Case(
        "versions",
        UNKNOWN,
        "its repository is not asked beforehand",
        environ={"NVIDIA_K8S_IPAM_VERSION": "v0.3.6"},
        web={f"{IPAM}/v0.3.6.info": NOT_FOUND, f"{IPAM}/list": NOT_FOUND},
    ),
    Case("versions", UNKNOWN, "no such host", environ={"METALLB_VERSION": "v0.14.9"}),
    Case(
        "versions",
        UNKNOWN,
        "v0.14.9: 520: strange",
        environ={"METALLB_VERSION": "v0.14.9"},
        web={f"{METALLB}/v0.14.9.info": answer(b"strange", 520)},
    ),
    Case(
        "versions",
        UNKNOWN,
        "503 Service Unavailable",
        environ={"METALLB_VERSION": "v0.14.9"},
        web={f"{METALLB}/v0.14.9.info": answer(b"<html>busy", 503)},
    ),
    Case(
        "versions",
        OK,
        "K8S_VERSION v1.31.4",
        environ={"K8S_VERSION": "v1.31.4", "KUBERNETES_FROM": "release"},
        web={kubectl("v1.31.4"): answer(b"0" * 64)},
    ),
    Case(
        "versions",
        OK,
        "K8S_VERSION v1.31.4",
        environ={"K8S_VERSION": "v1.31.4", "KUBERNETES_FROM": "auto"},
        web={kubectl("v1.31.4"): NOT_FOUND, f"{KUBERNETES}/v1.31.4.info": answer(b"{}")},
    ),
    Case(
        "versions",
        UNKNOWN,
        "no such host",
        environ={"K8S_VERSION": "v1.99.0", "KUBERNETES_FROM": "auto"},
        web={f"{KUBERNETES}/v1.99.0.info": NOT_FOUND, f"{KUBERNETES}/list": answer(b"v1.31.0\n")},
    ),
    Case(
        "versions",
        FAILED,
        "K8S_VERSION v1.99.0: 404 Not Found: not found: no such version (there are v1.34.2)",
        cure="K8S_VERSION=v1.31.0",
        environ={"K8S_VERSION": "v1.99.0", "KUBERNETES_FROM": "release"},
        web={
            kubectl("v1.99.0"): NOT_FOUND,
            f"{RELEASES}/stable.txt": answer(b"v1.34.2\n"),
            f"{RELEASES}/stable-1.99.txt": answer(b"<html>", 404),
        },
    ),
    Case(
        "versions",
        OK,
        "GO_VERSION 1.23.9",
        environ={"GO_VERSION": "1.23.9"},
        web={f"{GO}/v0.0.1-go1.23.9.linux-amd64.info": answer(b"{}")},
    ),
    Case(
        "versions",
        FAILED,
        "(there are 1.23.9, 1.23.12, 1.24.1)",
        cure="GO_VERSION=1.23.12",
        environ={"GO_VERSION": "1.23.99"},
        web={f"{GO}/v0.0.1-go1.23.99.linux-amd64.info": NOT_FOUND, f"{GO}/list": answer(TOOLCHAINS.encode())},
    ),
    Case("versions", OK, "v2.9.0", environ={"SRIOV_CNI_VERSION": "v2.9.0"}, tags=("v2.8.1", "v2.9.0")),
    Case(
        "versions",
        FAILED,
        "https://github.com/k8snetworkplumbingwg/sriov-cni has no such tag (there are v2.8.1, v2.9.0)",
        cure="SRIOV_CNI_VERSION=v2.9.0",
        environ={"SRIOV_CNI_VERSION": "v2.9.7"},
        tags=("v2.8.1", "v2.9.0"),
    ),
    Case("versions", UNKNOWN, "sriov-cni: no such host", environ={"SRIOV_CNI_VERSION": "v2.9.7"}),
    Case(
        "versions",
        FAILED,
        "CALICO_VERSION v3.99.0: 404 Not Found: not found: no such version (there are v3.28.1, v3.29.0)",
        cure="CALICO_VERSION=v3.28.1",
        environ={"CALICO_VERSION": "v3.99.0"},
        web={CALICO: NOT_FOUND},
        tags=("v3.28.1", "v3.29.0"),
    ),
    Case(
        "versions",
        OK,
        "CALICO_VERSION v3.99.0",
        environ={"CALICO_VERSION": "v3.99.0"},
        web={CALICO: answer(b"kind: x")},
    ),
    Case("versions", OK, "all are pinned", environ={"CALICO_VERSION": "v3.99.0", "CNI": "bridge"}),
    Case("versions", OK, "all are pinned", environ={"CONTAINERD_VERSION": "v9.9.9"}),
)


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", f"{SITE},direct")
    for name in ("GOPRIVATE", "GONOPROXY"):
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title[:60])
def test_finds(case: Case, verify: Callable[[Case], None]) -> None:
    verify(case)


@pytest.mark.parametrize("private", ["go.universe.tf", "go.*.tf/metallb", "*/metallb,example.com"])
def test_a_private_module_is_asked_for_nowhere(
    verify: Callable[[Case], None], monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    monkeypatch.setenv("GOPRIVATE", private)
    verify(Case("versions", UNKNOWN, f"={private}), so no proxy is asked", environ={"METALLB_VERSION": "v0.14.99"}))


def test_proxies_are_asked_in_their_order(verify: Callable[[Case], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", f"https://own.example,{SITE}")
    web = {
        "https://own.example/go.universe.tf/metallb/@v/v0.14.9.info": NOT_FOUND,
        f"{METALLB}/v0.14.9.info": answer(b"{}"),
    }
    verify(Case("versions", OK, "v0.14.9", environ={"METALLB_VERSION": "v0.14.9"}, web=web))


def test_the_nearest_versions_are_few_and_of_the_same_line_first_of_all() -> None:
    there = [f"v1.{minor}.{patch}" for minor in (9, 10, 31, 32) for patch in range(12)]
    assert published.nearest("v1.10.99", [*there, "v1.10.12-rc.1"]) == [
        *("v1.10.9", "v1.10.10", "v1.10.11"),
        *("v1.32.9", "v1.32.10", "v1.32.11"),
    ]


def test_as_long_as_crio_has_not_been_asked_for_both_runtimes_count(checkout: object, proxy: Proxy) -> None:
    del checkout
    chosen = lab(CONTAINERD_VERSION="v1.7.24", CRIO_VERSION="v1.31.1", ADDONS="")
    proxy["cri-o"] = None
    assert {one.parameter for one in versions.asked(chosen)} == {"CONTAINERD_VERSION", "CRIO_VERSION"}
    proxy["cri-o"] = REFUSED
    assert {one.parameter for one in versions.asked(chosen)} == {"CONTAINERD_VERSION"}
    proxy["cri-o"] = ""
    assert {one.parameter for one in versions.asked(chosen)} == {"CRIO_VERSION"}


def test_each_version_of_the_images_is_asked_for(checkout: object) -> None:
    del checkout
    artifacts = {use.artifact for image in images.NODE_IMAGES for use in image.programs if use.artifact.module}
    names = {artifact.parameter for artifact in artifacts} - {"CRIO_VERSION"}
    chosen = lab(**dict.fromkeys(names, "v99.0.0"))
    assert {one.parameter for one in versions.asked(chosen)} == names
