"""The parts of the controller as they run in a cluster whose nodes are not touched.

A daemon reaches the API as an account of its own, with the role that the archive ships for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.archive import facts
from tasks.engines.kube import manifests, rbac
from tasks.settings import daemon_rights, paths, target
from tasks.target import daemon_access, placement
from tasks.target.nodes import is_control_plane

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tasks.engines.kube.manifests import Object
    from tasks.settings.controller import Component
    from tasks.settings.daemon_rights import Rule

_ROLE = "config/rbac/role.yaml"


def adapted(
    part: Component, items: Sequence[Object], workers: Collection[str], nodes: Sequence[Object]
) -> list[Object]:
    """Return the objects of a part of the controller as they are deployed in an existing cluster.

    Args:
        part: The part.
        items: Its objects, with this installation's images.
        workers: Names of the nodes that run functions.
        nodes: All nodes of the cluster.
    """
    if part.role == "manager":
        return [_managed(item, workers, nodes) if _is(item, manifests.DEPLOYMENT) else item for item in items]
    name = account(part)
    made = [_daemon(item, name, workers) if _is(item, manifests.DAEMON_SET) else item for item in items]
    return [*rbac.entitled(name, target.DAEMONS, rules(part)), daemon_access.secret(name, target.DAEMONS), *made]


def account(part: Component) -> str:
    """Return the name of a daemon's account, its role and its Secret."""
    return f"openkasugai-{part.image}"


def rules(part: Component) -> list[Rule]:
    """Return what a daemon may do: the rules that the archive ships for it, and what these lack.

    Args:
        part: The daemon.
    """
    file = paths.source() / "src" / part.folder / _ROLE
    shipped = manifests.load(file) if file.is_file() else []
    found = [rule for item in shipped if item["kind"] == "ClusterRole" for rule in item["rules"]]
    return [*found, *daemon_rights.COMMON, *daemon_rights.MISSING.get(part.image, ())]


def _is(item: Object, kind: manifests.Kind) -> bool:
    return manifests.kind_of(item) == kind


def _managed(item: Object, workers: Collection[str], nodes: Sequence[Object]) -> Object:
    """Return a manager where the cluster can run it: some clusters hide the nodes of their control plane."""
    if any(map(is_control_plane, nodes)):
        return placement.with_tolerations(item)
    return placement.without_control_plane(item, workers)


def _daemon(item: Object, name: str, workers: Collection[str]) -> Object:
    host_path = facts.facts().kubeconfig
    changed = daemon_access.with_account(item, account=name, secret_name=name, host_path=host_path)
    return daemon_access.on_workers(changed, sorted(workers))
