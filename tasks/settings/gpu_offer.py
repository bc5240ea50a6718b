"""How a cluster that exists already offers GPUs, and what of the functions' pods differs there."""

from __future__ import annotations

# What the GPU operator and NVIDIA's device plugin offer the scheduler, one for each GPU or share of one.
RESOURCE = "nvidia.com/gpu"
# The GPU operator's own object, and its state in which GPUs can be used. Of several, only one counts.
POLICY = "nvidia.com/v1", "ClusterPolicy"
READY, IGNORED = "ready", ("ignored", "disabled")
# The operator's toolkit makes it; pods that name none need NVIDIA's runtime as the default of their node.
RUNTIME_CLASS = "node.k8s.io/v1", "RuntimeClass", "nvidia"

# How the device plugin shares the GPUs of a node, as gpu-feature-discovery labels it. With MPS, the plugin's own daemon
# (in /run/nvidia/mps) has the GPUs to itself, in exclusive mode: who does not come through it gets none.
SHARING = "nvidia.com/gpu.sharing-strategy"
SHARED_BY_MPS = "mps"

# Where programs look for an MPS daemon. Without one, CUDA runs as if there were no MPS.
MPS_VARIABLE = "CUDA_MPS_PIPE_DIRECTORY"

# What is told of a pattern's functions {keys}.
WITHOUT_MPS = "{keys}: without MPS, as no daemon of the cluster answers in {folder}: GPUs are shared by time"
UNCOUNTED = (
    "{keys}: asks for no " + RESOURCE + ", so that the node's default runtime has to be NVIDIA's, "
    "and the scheduler does not count it"
)
NO_RUNTIME = "RuntimeClass nvidia is not there: the toolkit of the GPU operator, which makes it, may not be in place"
SHUT_OUT = "{keys}: gets no GPU on {nodes}, where the device plugin's MPS daemon has them ({label}=mps)"
