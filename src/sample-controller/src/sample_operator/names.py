"""Names, kinds and status words of the contract: what the tool and its users look for in the cluster."""

from __future__ import annotations

GROUP_VERSION = "example.com/v1"
START_OF_CHAIN = "wb-start-of-chain"
END_OF_CHAIN = "wb-end-of-chain"
CONFIG_NAMESPACE = "default"
NETWORK_ANNOTATION = "ethernet.swb.example.com/network"
# How the functions of a flow reach each other, in that annotation.
CLUSTER_IP, LOAD_BALANCER, SRIOV = "clusterip", "loadbalancer", "sriov"
# What Multus is asked for, and what it answers.
NETWORKS_ANNOTATION = "k8s.v1.cni.cncf.io/networks"
NETWORK_STATUS_ANNOTATION = "k8s.v1.cni.cncf.io/network-status"
VIRTUAL_FUNCTION = "nvidia.com/mlnx_sriov_netdevice"
FUNCTION_TYPE_LABEL, FUNCTION_NAME_LABEL = "swb/func-type", "swb/func-name"
ADDRESS_POOL_ANNOTATION = "metallb.universe.tf/address-pool"
ADDRESS_POOL = "cpufunc-pool"

READY, ERROR = "Ready", "Error"
SCHEDULING = "Scheduling in progress"
CREATING = "WBFunction/WBConnection creation in progress"
CREATED = "WBFunction/WBConnection created"
WAITING, DEPLOYED, TERMINATING, RELEASED, FAILED = "Waiting", "Deployed", "Terminating", "Released", "Failed"
RUNNING, OK = "Running", "OK"
DEPLOY, UNDEPLOY, UNDEPLOYED = "Deploy", "Undeploy", "Undeployed"

# Kinds whose plural is not the lower-case kind and an "s".
_PLURALS = {"DeviceInfo": "deviceinfoes", "SchedulingData": "schedulingdata", "ChildBs": "childbs"}


def plural(kind: str) -> str:
    """Return the resource name of a kind in the API's paths."""
    return _PLURALS.get(kind, f"{kind.lower()}s")


def finalizer(kind: str) -> str:
    """Return the finalizer that the controller of a kind sets, such as ``dataflow.finalizers.example.com.v1``."""
    return f"{kind.lower()}.finalizers.example.com.v1"


def wbfunction(dataflow: str, key: str) -> str:
    """Return the name of the WBFunction, and of the CPUFunction or GPUFunction, for one key of a chain."""
    return f"{dataflow}-wbfunction-{key}"


def wbconnection(dataflow: str, from_key: str, to_key: str) -> str:
    """Return the name of the WBConnection and EthernetConnection between two keys of a chain."""
    return f"{dataflow}-wbconnection-{from_key}-{to_key}"


def connection_of(dataflow: str, from_function: str, to_function: str) -> str:
    """Return the name of the WBConnection between two functions, given the functions' own names."""
    prefix = wbfunction(dataflow, "")
    return wbconnection(dataflow, from_function.removeprefix(prefix), to_function.removeprefix(prefix))


def cpu_pod(function: str) -> str:
    """Return the name of a CPUFunction's pod."""
    return f"{function}-cpu-pod".lower()


def gpu_pod(function: str, gpu: str) -> str:
    """Return the name of a GPUFunction's pod; several share a GPU by MPS."""
    return f"{function}-mps-dgpu-{gpu}-pod".lower()


def service(function: str) -> str:
    """Return the name of the Service in front of a function's pod."""
    return f"{function}-service"


def forwarding(pod_name: str) -> str:
    """Return the name of the ConfigMap that tells a pod's sidecar the next hop."""
    return f"ethcrl.{pod_name}"


def device_info(function: str) -> str:
    """Return the name of the DeviceInfo that asks a node's daemon to book or free a function's place."""
    return f"deviceinfo-{function}"


def compute_resource(node: str) -> str:
    """Return the name of a node's ComputeResource."""
    return f"compute-{node}"


def function_target(node: str, device_type: str, device_index: int, region: str) -> str:
    """Return the name of the FunctionTarget of a node's region, such as ``kind-worker.cpu-0.cpu``."""
    return f"{node}.{device_type}-{device_index}.{region}"
