"""Every rule of the parameters with good and bad values, and what a user reads about a bad one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

import pydantic
import pytest

from tasks.settings import parameters, paths
from tasks.settings.parameters import layers as parameters_layers
from tasks.settings.parameters.model import Parameters
from tests.unit.settings.conftest import refusal, valid

MANUAL = {
    "DCI_REGISTRY_ADDR": "ghcr.io/openkasugai/controller",
    "DCI_REGISTRY_ADDR_ALT": "192.168.10.100/images",
    "DCI_REGISTRY_CERT_URL": "http://192.168.10.100/harbor/ca.crt",
    "DCI_K8S_SOFTWARE_TARFILE": "controller.tar.gz",
    "NVIDIA_DRIVER_FILE": "NVIDIA-Linux-x86_64-550.90.12.run",
    "K8S_VERSION": "v1.31.0",
    "GO_VERSION": "1.23.0",
    "SRIOV_CNI_VERSION": "v2.8.1",
    "CRIO_OS": "xUbuntu_22.04",
    "CRIO_REPO_VERSION": "v1.31",
    "CRIO_PKG_VERSION": "1.31.0-1.1",
    "METALLB_VERSION": "v0.14.8",
    "NVIDIA_K8S_IPAM_VERSION": "v0.3.5",
    "IMG_TAG": "22.04.5",
    "SRIOV_IF_REGEX_1": "ens9f0.*",
    "SRIOV_IF_REGEX_2": "ens9f1.*",
    "SRIOV_PF_IF_1": "ens9f0np0",
    "SRIOV_PF_IF_2": "ens9f1np1",
    "SRIOV_PF_IPADDR_1": "192.168.20.2/24",
    "SRIOV_PF_IPADDR_2": "192.168.20.3/24",
    "SRIOV_NUM_VFS": "8",
    "NV_IPAM_SUBNET": "192.168.20.0/24",
    "NV_IPAM_PER_NODE_BLOCK_SIZE": "30",
    "NV_IPAM_GATEWAY": "192.168.20.1",
    "NV_IPAM_EXCLUDE_START_1": "192.168.20.0",
    "NV_IPAM_EXCLUDE_END_1": "192.168.20.9",
    "NV_IPAM_EXCLUDE_START_2": "192.168.20.51",
    "NV_IPAM_EXCLUDE_END_2": "192.168.20.255",
}


def test_the_manual_has_28_parameters_with_its_defaults(root: Path) -> None:
    layers = parameters_layers.read(root, {})
    assert len(MANUAL) == 28
    assert {name: layers.settings[name].value for name in MANUAL} == MANUAL


def test_pods_of_the_lab_have_another_network_than_those_of_the_manuals_server(root: Path) -> None:
    assert valid(root, PROFILE="lab").pod_subnet == IPv4Network("10.244.0.0/16")


def test_every_parameter_is_declared_once_with_group_and_meaning_and_has_a_type(root: Path) -> None:
    declarations = parameters_layers.read(root, {}).declarations
    names = [declaration.name for declaration in declarations]
    assert len(names) == len(set(names))
    assert {name.lower() for name in names} == set(Parameters.model_fields)
    assert all(declaration.group and declaration.meaning.endswith(".") for declaration in declarations)


@pytest.mark.parametrize("profile", sorted(file.stem for file in paths.ENV.glob("*.env") if file.stem != "defaults"))
def test_every_profile_is_valid_and_changes_only_known_parameters(root: Path, profile: str) -> None:
    assert valid(root, PROFILE=profile).profile == profile
    settings = parameters_layers.read_file(root / "env" / f"{profile}.env", root)
    defaults = parameters_layers.read(root, {}).settings
    assert all(setting.value != defaults[setting.name].value for setting in settings)


def test_values_are_typed(root: Path) -> None:
    p = valid(root)
    assert p.pod_subnet == IPv4Network("10.100.0.0/16")
    assert p.sriov_pf_ipaddr_1 == IPv4Interface("192.168.20.2/24")
    assert p.nv_ipam_gateway == IPv4Address("192.168.20.1")
    assert p.sriov_num_vfs == 8
    assert p.recreate is False
    assert valid(root, RECREATE="1").recreate is True


def test_credentials_of_the_registry_come_from_the_environment_only(root: Path) -> None:
    secret = {"DCI_REGISTRY_USER": "robot$kind", "DCI_REGISTRY_PASSWORD": "hidden"}
    assert "hidden" not in repr(valid(root, **secret))
    assert refusal(root, DCI_REGISTRY_USER="robot$kind") == [
        "environment: DCI_REGISTRY_PASSWORD: is not set, but DCI_REGISTRY_USER is"
    ]
    (root / ".env").write_text("DCI_REGISTRY_PASSWORD=hidden\n")
    said = refusal(root, DCI_REGISTRY_USER="robot$kind")
    assert said == [".env:1: DCI_REGISTRY_PASSWORD: is taken from the environment only, so that no file holds it"]


def test_parameters_cannot_be_changed(root: Path) -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        valid(root).cluster_name = "other"  # type: ignore[misc]


def test_names_for_programs_do_nothing_in_a_file_and_that_is_said(root: Path) -> None:
    names = (
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "DOCKER_HOST",
        "KUBECONFIG",
        "PIP_INDEX_URL",
        "WHATEVER",
        "PAUSE_VERSION",
    )
    (root / ".env").write_text("".join(f"{name}=secret\n" for name in names))
    layers = parameters_layers.read(root, {"DOCKER_HOST": "unix:///x"})
    assert parameters.ineffective(layers) == [
        f".env:{line}: {name}: does nothing here, as it is no parameter; export it in the shell for programs"
        for line, name in enumerate(names, 1)
    ]
    parameters.validated(layers)


def test_a_variable_of_the_makefile_in_a_file_is_told_with_what_replaces_it(root: Path) -> None:
    (root / ".env").write_text("NODE_IMAGE_NAME=a:1\nFLOWCTRL_NEW_URL=b\n")
    first, second = refusal(root, USERNAME="of the shell")
    assert first == (
        ".env:1: NODE_IMAGE_NAME: is not a parameter: the node images keep their names, and IMG_TAG is their tag"
    )
    assert second.startswith(".env:2: FLOWCTRL_NEW_URL: is not a parameter: DCI_REGISTRY_ADDR is where ")


def test_all_wrong_parameters_are_told_at_once_with_their_lines(root: Path) -> None:
    (root / ".env").write_text("K8S_VERSION=1.31\nSRIOV_NUM_VFS=many\n")
    assert set(refusal(root, CNI="flannel")) == {
        ".env:1: K8S_VERSION: '1.31' is not a version such as v1.2.3",
        ".env:2: SRIOV_NUM_VFS: 'many' is not a whole number: only digits are allowed",
        "environment: CNI: 'flannel' is not 'calico' or 'bridge'",
    }


@pytest.mark.parametrize(
    ("name", "where", "suggestion"),
    [
        ("SRIOV_NUM_VF", "environment", "SRIOV_NUM_VFS"),
        ("NV_IPAM_SUBNETS", "environment", "NV_IPAM_SUBNET"),
        ("METALLB_VERSON", "environment", "METALLB_VERSION"),
        ("DCI_REGISTRY_ADR", ".env", "DCI_REGISTRY_ADDR"),
        ("K8S_VERSIONS", ".env", "K8S_VERSION"),
        ("CLUSTERNAME", ".env", "CLUSTER_NAME"),
        ("cluster_name", ".env", "CLUSTER_NAME"),
        ("Cni", ".env", "CNI"),
        ("GOPROXY", ".env", "GO_PROXY"),
        ("metallb_pool", "environment", "METALLB_POOL"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_known_one(root: Path, name: str, where: str, suggestion: str) -> None:
    environ = {}
    if where == ".env":
        (root / ".env").write_text(f"{name}=1\n")
    else:
        environ = {name: "1"}
    origin = ".env:1" if where == ".env" else where
    assert refusal(root, **environ) == [f"{origin}: {name}: is not a parameter; did you mean {suggestion}?"]


def test_names_of_others_are_left_alone(root: Path) -> None:
    (root / ".env").write_text("HTTP_PROXY=http://proxy:3128\n")
    valid(root, DOCKER_HOST="unix:///x", KIND_EXPERIMENTAL_PROVIDER="podman", NVIDIA_VISIBLE_DEVICES="all")


# Each row: the parameter to blame, a part of the reason, and the given values.


def test_one_mistake_is_one_line(root: Path) -> None:
    swapped = {"NV_IPAM_EXCLUDE_START_1": "192.168.20.9", "NV_IPAM_EXCLUDE_END_1": "192.168.20.0"}
    (line,) = refusal(root, **swapped)
    assert "NV_IPAM_EXCLUDE_END_1: 192.168.20.0 comes before" in line


def test_a_fingerprint_is_compared_without_colons_and_case(root: Path) -> None:
    assert valid(root, DCI_REGISTRY_CERT_SHA256=":".join(["AB"] * 32)).dci_registry_cert_sha256 == "ab" * 32


def test_the_cache_is_where_the_desktop_says(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert valid(root).cache_dir == tmp_path / "openkasugai-all-in-one"
    monkeypatch.setenv("HOME", "/home/someone")
    for ignored in ("relative", "~/cache", ""):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert valid(root).cache_dir == Path("/home/someone/.cache/openkasugai-all-in-one")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert valid(root).cache_dir == Path("/home/someone/.cache/openkasugai-all-in-one")
    assert valid(root, CACHE_DIR="~/c").cache_dir == Path("/home/someone/c")
