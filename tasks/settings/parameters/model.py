"""The typed parameters of a run; pydantic is heavy, so this is imported at the first use."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from tasks.settings import credentials
from tasks.settings.parameters import types
from tasks.settings.parameters.rules import broken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.settings.parameters import Layers, Setting

# Names with these beginnings can only be meant for this tool, so that an unknown one is a mistake.
_OWN_PREFIXES = ("DCI_", "SRIOV_", "NV_IPAM_", "NVIDIA_K8S_IPAM_", "CRIO_", "METALLB_", "MULTUS_", "CALICO_")
_SIMILAR = 0.85
# What many programs read, though a name of ours is like it.
_OF_PROGRAMS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Parameters(pydantic.BaseModel):
    """The parameters of a run, typed. Names are those of env/defaults.env in lower case; it says what each means."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    profile: str
    dci_registry_addr: types.Repository
    dci_registry_addr_alt: types.Repository
    dci_registry_cert_url: types.Url
    dci_registry_cert_sha256: types.Fingerprint
    registry: Literal["harbor", "embedded"]
    registry_version: types.Version
    registry_port: types.Port
    ca_port: types.Port
    dci_k8s_software_tarfile: types.FileName
    controller: Literal["archive", "sample", "auto"]
    controller_images: Literal["source", "registry"]
    controller_hardware: types.Hardware
    inventory: Literal["host", "collector"]
    nvidia_driver_file: types.FileName
    nvidia_driver_sha256: types.Fingerprint
    cache_dir: types.CacheFolder
    k8s_version: types.Version
    kubernetes_from: Literal["auto", "release", "modules"]
    k8s_release_url: types.Url
    go_version: types.BareVersion
    go_proxy: types.GoProxies
    sriov_cni_version: types.Version
    cni_plugins_version: types.Version
    crio_os: types.Word
    crio_repo_version: types.MinorVersion
    crio_pkg_version: types.PackageVersion
    crio_repo_url: types.Url
    crio_repo_key_url: types.OptionalUrl
    crio_repo_key_sha256: types.Fingerprint
    crio_from: Literal["packages", "modules"]
    crio_version: types.Version
    node_runtime: Literal["crio", "containerd", "auto"]
    containerd_version: types.Version
    etcd_version: types.Version
    coredns_version: types.Version
    pause_version: types.BareVersion
    addons: types.AddonNames
    addon_images: Literal["registry", "source"]
    manifest_site: types.Site
    calico_version: types.Version
    calico_registry: types.Repository
    multus_version: types.Version
    multus_registry: types.Repository
    sriov_device_plugin_version: types.Version
    sriov_device_plugin_registry: types.Repository
    metallb_version: types.Version
    metallb_registry: types.Repository
    metallb_pool: types.Pool
    nvidia_k8s_ipam_version: types.Version
    nvidia_k8s_ipam_registry: types.Repository
    img_tag: types.ImageTag
    ubuntu_image_name: types.Image
    base_from: Literal["registry", "bootstrap"]
    apt_mirror: types.OptionalUrl
    dpdk_from: Literal["release", "distribution"]
    dpdk_url: types.Url
    dpdk_sha256: types.Fingerprint
    sriov_if_regex_1: types.Regex
    sriov_if_regex_2: types.Regex
    sriov_pf_if_1: types.Interface
    sriov_pf_if_2: types.Interface
    sriov_pf_ipaddr_1: types.AddressWithPrefix
    sriov_pf_ipaddr_2: types.AddressWithPrefix
    sriov_num_vfs: types.VfCount
    nv_ipam_subnet: types.Subnet
    nv_ipam_per_node_block_size: types.BlockSize
    nv_ipam_gateway: types.Address
    nv_ipam_exclude_start_1: types.Address
    nv_ipam_exclude_end_1: types.Address
    nv_ipam_exclude_start_2: types.Address
    nv_ipam_exclude_end_2: types.Address
    cluster_name: types.ClusterName
    kind_version: types.Version
    pod_subnet: types.Subnet
    service_subnet: types.Subnet
    cni: Literal["calico", "bridge"]
    docker: Literal["host", "embedded", "auto"]
    recreate: types.Flag
    cluster_deadline: types.Seconds
    controller_deadline: types.Seconds
    dataflow_deadline: types.Seconds
    ignore_checks: types.CheckNames
    min_cores: types.Count
    min_memory_gb: types.Count
    min_disk_gb: types.Count
    gpu: Literal["auto", "yes", "no"]
    nvidia_toolkit_version: types.AnyPackageVersion
    nvidia_toolkit_repo_url: types.Url
    nvidia_toolkit_key_url: types.Url
    nvidia_toolkit_key_sha256: types.Fingerprint
    dcgm_version: types.AnyPackageVersion
    dcgm_repo_url: types.Url
    dcgm_key_url: types.Url
    dcgm_key_sha256: types.Fingerprint
    gpu_consent: types.Flag


def check(layers: Layers) -> tuple[Parameters | None, list[str]]:
    """Validate what the sources say.

    Args:
        layers: What the sources say.

    Returns:
        The parameters and no complaint, or None and one line per complaint: `file:line: NAME: reason`.
    """
    complaints = [*layers.complaints, *_unknown_names(layers), *_credentials(layers)]
    parameters: Parameters | None = None
    try:
        parameters = Parameters.model_validate({name.lower(): value for name, value in layers.values().items()})
    except pydantic.ValidationError as invalid:
        complaints += [_line(layers, str(error["loc"][0]).upper(), _reason(error)) for error in invalid.errors()]
    else:
        complaints += [_line(layers, name, reason) for name, reason in broken(parameters)]
    return (None if complaints else parameters), complaints


def _line(layers: Layers, name: str, reason: str) -> str:
    setting = layers.settings.get(name)
    origin = setting.origin if setting else "env/defaults.env"
    return f"{origin}: {name}: {reason}"


def _reason(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "literal_error":
        return f"{error['input']!r} is not {error['ctx']['expected']}"
    return str(error["msg"]).removeprefix("Value error, ")


def ineffective(layers: Layers) -> list[str]:
    """Return a line per name in a file that is no parameter, and may be meant for a program: it does nothing there.

    Args:
        layers: What the sources say.
    """
    known = _known(layers)
    others = (one for one in layers.strangers if ":" in one.origin and one.name not in credentials.NAMES)
    return [
        f"{one.origin}: {one.name}: does nothing here, as it is no parameter; export it in the shell for programs"
        for one in others
        if not _is_meant_for_this_tool(one, known)
    ]


def _unknown_names(layers: Layers) -> Iterator[str]:
    """Yield a complaint per name that is meant for this tool, but is not in its table; case does not hide it."""
    known = _known(layers)
    for stranger in layers.strangers:
        if stranger.name not in credentials.NAMES and _is_meant_for_this_tool(stranger, known):
            suggestion = difflib.get_close_matches(stranger.name.upper(), known, n=1)
            hint = f"; did you mean {suggestion[0]}?" if suggestion else ""
            yield f"{stranger.origin}: {stranger.name}: is not a parameter{hint}"


def _known(layers: Layers) -> list[str]:
    return [*(declaration.name for declaration in layers.declarations), *credentials.NAMES]


def _is_meant_for_this_tool(stranger: Setting, known: Sequence[str]) -> bool:
    name = stranger.name.upper()
    if name.startswith(_OWN_PREFIXES):
        return True
    is_searched = ":" in stranger.origin and name not in _OF_PROGRAMS
    return is_searched and bool(difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR))


def _credentials(layers: Layers) -> Iterator[str]:
    """Yield a complaint per credential that a file holds, and where only half of them is given."""
    found = [stranger for stranger in layers.strangers if stranger.name in credentials.NAMES and stranger.value]
    for stranger in found:
        if ":" in stranger.origin:
            yield f"{stranger.origin}: {stranger.name}: is taken from the environment only, so that no file holds it"
    missing = set(credentials.NAMES) - {stranger.name for stranger in found}
    if found and missing:
        yield f"{found[0].origin}: {', '.join(missing)}: is not set, but {found[0].name} is"
