"""Which cluster runs the dataflows, and what marks everything that this tool makes in a cluster that is not its own."""

from __future__ import annotations

from tasks.settings import scenarios

KIND = "kind"
EXISTING = "existing"

# The places that the project's patterns name, in the order of the workers that stand for them.
PLACES = ("first", "second")

# Whose an object is. Values of labels hold no path, so the parent's annotation names the checkout.
MANAGED_BY = "app.kubernetes.io/managed-by"
TOOL = "openkasugai-all-in-one"
OWNER = "openkasugai.dev/owner"
CHECKOUT = "openkasugai.dev/checkout"

# An ApplySet (KEP-3659): the parent lists the kinds of its members, and each member names the parent.
PART_OF = "applyset.kubernetes.io/part-of"
ID = "applyset.kubernetes.io/id"
TOOLING = "applyset.kubernetes.io/tooling"
CONTAINS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"

# Labels by which clusters mark the nodes of their control plane.
CONTROL_PLANE_ROLES = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")

# The label by which the controller places functions, with the names of nodes.
HOST_NAME = "kubernetes.io/hostname"

# The minor versions of Kubernetes that the tests run on.
OLDEST, NEWEST = (1, 31), (1, 31)
# What the images are made for.
ARCHITECTURE, SYSTEM = "amd64", "linux"

# Pod networks that clusters have, by what the names of their images contain.
POD_NETWORKS = (
    "antrea", "calico", "cilium", "flannel", "kindnet", "kube-ovn", "kube-router", "ovn-kubernetes", "weave",
)  # fmt: skip

# What gives Services of type LoadBalancer addresses, in the same way.
LOAD_BALANCERS = (
    "metallb", "kube-vip", "cloud-controller-manager", "klipper-lb", "loxilb", "openelb", "purelb",
)  # fmt: skip

# Enforced levels of Pod Security (of a namespace) that forbid what the daemons mount and use of their nodes.
SECURITY = "pod-security.kubernetes.io/enforce"
PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
FORBIDDING = frozenset({BASELINE, RESTRICTED})
# The level of the namespaces that functions run in. Those of patterns add SYS_PTRACE, for the sidecar; on GPUs they are
# privileged, and see the node's IPC and a folder of it. What sends to them is an ordinary pod.
LEVEL_OF_FUNCTIONS = PRIVILEGED
LEVELS = {scenarios.TEST_NAMESPACE: BASELINE}
# The namespace of the daemons, which is there already; its level counts.
DAEMONS = "default"
# The namespaces that the managers' own manifests bring.
MANAGERS = ("whitebox-k8s-flowctrl-system", "wbfunction-system", "wbconnection-system")
# The API group of the controller's definitions.
GROUP = "example.com"
