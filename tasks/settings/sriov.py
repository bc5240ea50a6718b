"""The SR-IOV network operator of an existing cluster: its kinds and words, and how functions are asked of it."""

from __future__ import annotations

import re

from tasks.settings import nics

# Values of SRIOV: who makes the virtual functions of an existing cluster.
GIVEN, POLICY = "given", "policy"

GROUP = "sriovnetwork.openshift.io"
VERSION = f"{GROUP}/v1"
POLICY_KIND, STATE_KIND = "SriovNetworkNodePolicy", "SriovNetworkNodeState"
POLICIES, STATES = "sriovnetworknodepolicies", "sriovnetworknodestates"
DEFINITIONS = (f"{POLICIES}.{GROUP}", f"{STATES}.{GROUP}")

# The operator's own policy of older versions, which it does not count.
DEFAULT_POLICY = "default"
# What its resources begin with, unless this variable of its Deployment says otherwise.
PREFIX, PREFIX_VARIABLE = "openshift.io", "RESOURCE_PREFIX"
OPERATOR = "sriov-network-operator"
DAEMON = "sriov-network-config-daemon"
# What it takes as the name of a resource.
RESOURCE = re.compile(r"[A-Za-z0-9_]+")

# Values of a NodeState's syncStatus.
SUCCEEDED, IN_PROGRESS, FAILED = "Succeeded", "InProgress", "Failed"
# What the node needs, and how far the operator is with that; annotations of a NodeState.
DESIRED, CURRENT = f"{GROUP}/desired-state", f"{GROUP}/current-state"
IDLE = "Idle"

ETHERNET = frozenset({"", "eth", "ether", "ethernet"})
NETDEVICE = "netdevice"
# First part of the names of policies; the rest follows from the node.
NAME = "openkasugai"
# Parameters with the physical functions of the first, the second worker, and so on.
PHYSICAL_FUNCTIONS = tuple(row.interface for row in nics.WORKERS)
