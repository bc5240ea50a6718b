"""What users of the original's Makefile type: its targets and variables, and what stands for each of them here."""

from __future__ import annotations

from tasks.settings.nics import WORKERS

# The tasks that each target is. One that differs from its task's name only in hyphens needs no row.
TARGETS: dict[str, tuple[str, ...]] = {
    "dci-kind-base": ("image:kind-ubuntu",),
    "dci-kind-node": ("image:kind-ubuntu-node",),
    "dci-kind-crio": ("image:kind-ubuntu-node-crio",),
    "dci-non-acc": ("image:dci-kind-node-non-acc",),
    "dci-with-acc": ("image:dci-kind-node-with-acc",),
    "k8s-software": ("controller_source",),
    "kind-values": ("kind_config",),
    "unload-driver": ("gpu_lease",),
    "install-multus": ("addon:multus",),
    "install-sriov-dp": ("addon:sriov-device-plugin",),
    "install-metallb": ("addon:metallb",),
    "install-nvidia-k8s-ipam": ("addon:nvidia-k8s-ipam",),
    "create-cpufunc-ns": ("cpufunc_namespaces",),
    "setup-cpufunc-sample": ("post_setup",),
    "apply-cpufunc-sample": ("prepare_scenario",),
    # As the installation manual spells it.
    "create-cluster-without-senario": ("create_cluster_without_scenario",),
    **{f"put-sriov-ifs-to-{worker.node_suffix}": (f"nics:{worker.task}",) for worker in WORKERS},
}

# The words before a pattern whose dataflow is deployed; the scenario manual writes `df-` before one of them.
DATAFLOW = ("dataflow-", "df-dataflow-")

# Targets that have nothing to do here, and why.
REPLACED: dict[str, str] = {
    "build-dir": "nothing to do, since every task makes the folders that it writes to",
    "patch-kind": "nothing to do, since kind is used as it is released; ./doit create_cluster does the rest",
    "k8s": "nothing to do, since ./doit image:kind-ubuntu-node fetches Kubernetes itself (KUBERNETES_FROM)",
}

_TAG = "the node images keep their names, and IMG_TAG is their tag"
_PUBLISHED = "DCI_REGISTRY_ADDR is where the controller's images come from, and the archive has their names"
_FUNCTIONS = "DCI_REGISTRY_ADDR_ALT is where the functions' images are, and the archive has their names"
_FOUND = "nothing has to be set, since the images of the archive's manifests are found in them"
_OWN = "nothing has to be set, since the tool has its own at the version in"
_IMAGE_PARTS = ("CPUFUNCTION", "GPUFUNCTION", "FPGAFUNCTION", "ETHERNETCONNECTION", "PCIECONNECTION", "DEVICEINFO")

# Variables of the Makefile that are no parameters, and what replaces each of them.
VARIABLES: dict[str, str] = {
    **dict.fromkeys(
        ("BASE_IMAGE_NAME", "NODE_IMAGE_NAME", "CRIO_IMAGE_NAME", "DCI_NODE_IMAGE_NAME", "DCI_ACC_IMAGE_NAME"), _TAG
    ),
    **dict.fromkeys(("FLOWCTRL_NEW_URL", "WBFUNCTION_NEW_URL", "WBCONNECTION_NEW_URL"), _PUBLISHED),
    **{f"{part}_NEW_URL": _PUBLISHED for part in (*_IMAGE_PARTS, "SEND_VIDEO_TOOL")},
    **{f"{part}_{end}": _FOUND for part in (*_IMAGE_PARTS, "SEND_VIDEO_TOOL") for end in ("OLD_URL", "TARGET_FILE")},
    **{f"{part}_NEW_URL": _FUNCTIONS for part in ("CPUFUNC_GST", "CPUFUNC_SIDECAR", "CPUFUNC_CALCAPP", "GPUFUNC_DSA")},
    "GO_BIN": f"{_OWN} GO_VERSION",
    "KIND_BIN": f"{_OWN} KIND_VERSION",
    **dict.fromkeys(("CURRENT_DIR", "GROUPNAME", "USERNAME"), "nothing has to be set, since the tool finds it itself"),
}
