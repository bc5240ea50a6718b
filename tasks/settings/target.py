"""Which cluster runs the dataflows, and what marks everything that this tool makes in a cluster that is not its own."""

from __future__ import annotations

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

# What the archive's daemons ask for: each of their containers is privileged, and mounts paths of its node.
DAEMONS_POD_SECURITY = "privileged"
