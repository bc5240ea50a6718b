"""The typed parameters of a run; pydantic is heavy, so this is imported at the first use."""

from __future__ import annotations

from typing import Literal

import pydantic

from tasks.settings import packages
from tasks.settings.parameters import types


class Parameters(pydantic.BaseModel):
    """The parameters of a run, typed. Names are those of env/defaults.env in lower case; that file explains each."""

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
    controller: types.ControllerSource
    controller_images: Literal["auto", "registry", "source"]
    function_images: Literal["auto", "registry", "source"]
    function_images_tag: types.ImageTag
    controller_hardware: types.Hardware
    inventory: Literal["host", "collector"]
    nvidia_driver_file: types.FileName
    nvidia_driver_sha256: types.Fingerprint
    cache_dir: types.CacheFolder
    k8s_version: types.Version
    kubernetes_from: Literal["auto", "release", "modules"]
    k8s_release_url: types.Url
    go_version: types.GoVersion
    go_proxy: types.GoProxies
    sriov_cni_version: types.Version
    cni_plugins_version: types.Version
    crictl_version: types.Version
    crio_os: types.Word
    crio_repo_version: types.MinorVersion
    crio_pkg_version: types.PackageVersion
    crio_repo_url: types.UrlOrAuto
    crio_repo_key_url: types.OptionalUrl
    crio_repo_key_sha256: types.Fingerprint
    crio_from: Literal["packages", "modules"]
    crio_version: types.Version
    node_runtime: Literal["crio", "containerd", "auto"]
    containerd_version: types.Version
    etcd_version: types.Version
    coredns_version: types.Version
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
    whereabouts_version: types.Version
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
    target: Literal["kind", "existing"]
    target_kubeconfig: types.OptionalFile
    target_context: str
    target_uid: types.OptionalUid
    target_workers: types.NodeNames
    target_places: types.Places
    target_owner: types.OptionalWord
    sriov: Literal["none", "given", "policy"]
    sriov_consent: types.OptionalWord
    sriov_resource: types.ResourceName
    sriov_ipam: types.OptionalIpam
    video: types.OptionalFileName
    inputs: types.Numbers
    verify: Literal["yes", "no"]
    emulate: types.Emulated
    cluster_deadline: types.Seconds
    controller_deadline: types.Seconds
    dataflow_deadline: types.Seconds
    pipeline_deadline: types.Seconds
    pull_deadline: types.Seconds
    sriov_deadline: types.Seconds
    ignore_checks: types.CheckNames
    min_cores: types.Count
    min_memory_gb: types.Count
    min_disk_gb: types.Count
    gpu: Literal["auto", "share", "yes", "no"]
    nvidia_ctk_version: types.Version
    nvidia_toolkit_version: types.AnyPackageVersion
    nvidia_toolkit_repo_url: types.Url
    nvidia_toolkit_key_url: types.Url
    nvidia_toolkit_key_sha256: types.Fingerprint
    dcgm_version: types.AnyPackageVersion
    dcgm_repo_url: types.Url
    dcgm_key_url: types.Url
    dcgm_key_sha256: types.Fingerprint
    gpu_consent: types.Flag

    @pydantic.field_validator("crio_repo_url")
    @classmethod
    def _place_of_crio(cls, url: str, earlier: pydantic.ValidationInfo) -> str:
        """Return the repository that `auto` stands for; without a valid version, there are no parameters anyway."""
        version = earlier.data.get("crio_pkg_version")
        return packages.crio_place(version) if version and url == packages.AUTO else url
