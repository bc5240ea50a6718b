"""What every node gets between `kind create` and the first pod. Each step is a task of its own, and can be resumed."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.settings import cluster


@dataclass(frozen=True)
class NodeStep:
    """A step that puts a file on nodes.

    Attributes:
        name: Its name, and the name of its task below `node`.
        doc: One sentence for the list of tasks.
        roles: Kinds of nodes that get it.
        units: systemd units that are enabled and started there.
        needs: Tasks it needs, besides the one that makes the nodes.
        disrupts: What it interrupts for the user, whenever it runs.
    """

    name: str
    doc: str
    roles: tuple[str, ...] = (cluster.CONTROL_PLANE, cluster.WORKER)
    units: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    disrupts: str = ""


TRUST_REGISTRY = NodeStep("trust-registry", "Let the nodes trust the registry's CA.", needs=("registry_ca",))
# The kubelet looks for a missing file only every five minutes, so it is restarted.
CREDENTIALS = NodeStep(
    "registry-credentials",
    "Give the nodes the credentials of the registry, where there are any.",
    units=("kubelet.service",),
    needs=("registry_ca",),
    disrupts="the kubelets where the credentials changed: they restart, pods go on",
)
KUBECONFIG = NodeStep(
    "kubeconfig",
    "Put a kubeconfig where the controller's daemons and kubectl on the workers expect it.",
    roles=(cluster.WORKER,),
    needs=("controller_source",),
)
EXECUTABLE_TMP = NodeStep(
    "executable-tmp", "Let programs be run from /tmp on the nodes.", units=("executable-tmp.service",)
)

NODE_STEPS = (TRUST_REGISTRY, CREDENTIALS, KUBECONFIG, EXECUTABLE_TMP)
