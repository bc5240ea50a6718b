"""What EMULATE stands in for on a machine that lacks it."""

from __future__ import annotations

# Cards with SR-IOV: a network of Docker that each worker is in.
SRIOV = "sriov"
# A GPU: one more device in the inventory of the first worker, and GPU functions that compute on the CPU.
GPU = "gpu"
# One of the models that the controller's archive lists.
GPU_MODEL = "NVIDIA A100 80GB PCIe"
KINDS = (SRIOV, GPU)

# Another name of each stand-in PF: one NetworkAttachmentDefinition fits workers whose PFs are named differently.
PF_ALTNAME = "emulated-pf"
# How a pod gets its second interface there. With vepa, each of its packets crosses the PF, as with a real function.
DELEGATE = {"type": "macvlan", "master": PF_ALTNAME, "mode": "vepa"}
