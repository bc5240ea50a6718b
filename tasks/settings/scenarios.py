"""What the scenarios of the controller have in common. Imports no other module of this tool."""

from __future__ import annotations

# The namespace of the pods that send to dataflows.
TEST_NAMESPACE = "test"
# The NetworkAttachmentDefinition from which functions get their addresses in the second network.
SRIOV_NETWORK = "sriov-ipam-config"
# The annotation by which a pod asks Multus for it.
NETWORKS = "k8s.v1.cni.cncf.io/networks"
# How patterns are spread by naming the nodes: the filters that can do so, with the original's values.
FILTER_PIPELINE = ("GenerateCombinations", "TargetResourceFit", "TargetResourceFitScore")
SELECT_TOP = "3"
