"""Attaches this checkout to an existing cluster: looks first, keeps how to reach it, and makes the first object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.files import atomic
from tasks.engines.kube import access, applyset, attachment, manifests
from tasks.problems import Problem
from tasks.settings import parameters, paths
from tasks.target import candidate, kubeconfig, preflight, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.attachment import Attachment
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters
    from tasks.target.candidate import Candidate

_DOCTOR = "./doit doctor --for attach"


def lack() -> Lack:
    """Return what is lacking until objects may be made in the existing cluster, or what stands against it."""
    chosen = parameters.current()
    found = attachment.load(chosen.cluster_name)
    if found is None:
        return lacks.of(f"{chosen.target_context}: not attached")
    against = [*_other_than_attached(found, chosen)]
    return lacks.obstacle(*against) if against else _lack_of_files(found, chosen)


def attach() -> None:
    """Attach this checkout to the existing cluster, unless something stands against it; then nothing is written.

    Raises:
        Problem: One line for each obstacle.
    """
    chosen = parameters.current()
    earlier = attachment.load(chosen.cluster_name)
    if earlier is not None:
        _refuse([*_other_than_attached(earlier, chosen)], "./doit detach with the earlier values, then attach")
    _refuse_name_of_kind(chosen)
    found = candidate.of(chosen)
    _refuse(obstacles(found), _DOCTOR)
    _keep(found)
    applied = found.api.get(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)
    if applied is None:
        found.api.send_apply(applyset.parent(found.attachment.owner))
    where = f"{chosen.target_context} ({found.server}, Kubernetes {found.version})"
    progress.line(f"Attached to {where}; workers: {', '.join(found.workers)}")


def obstacles(found: Candidate) -> list[str]:
    """Return what stands against making anything in a cluster, one line each.

    Args:
        found: The cluster.

    Raises:
        Problem: It does not answer.
    """
    asked = {name: look for name, look in preflight.LOOKS.items() if name not in found.chosen.ignore_checks}
    lines: list[str] = []
    for look in asked.values():
        lines += look(found)
        if lines:
            # What follows would say the same of another cluster, or ask for much in vain.
            return lines
    return lines


def _refuse(lines: list[str], hint: str) -> None:
    if lines:
        raise Problem("\n".join(lines), hint=hint)


def _refuse_name_of_kind(chosen: Parameters) -> None:
    """Stop if the name is that of a cluster of kind that this checkout has made."""
    if paths.kubeconfig(chosen.cluster_name).is_file() and attachment.load(chosen.cluster_name) is None:
        raise Problem(f"CLUSTER_NAME: {chosen.cluster_name} is a cluster that this checkout made with kind",
                      hint=f"CLUSTER_NAME={chosen.cluster_name}-existing with the same command")  # fmt: skip


def _other_than_attached(found: Attachment, chosen: Parameters) -> Iterator[str]:
    """Yield the parameters that name another cluster or owner than the one that is attached under this name."""
    asked = {
        "TARGET_CONTEXT": (chosen.target_context, found.context),
        "TARGET_UID": (chosen.target_uid, found.uid),
        "TARGET_OWNER": (candidate.owner(chosen), found.owner),
    }
    for name, (wanted, attached) in asked.items():
        if wanted != attached:
            there = f"CLUSTER_NAME {chosen.cluster_name} is attached to {found.context}"
            yield f"{name}: {attached} -> {wanted or 'empty'}, but {there}"


def _keep(found: Candidate) -> None:
    """Keep how the cluster is reached, and what there was before it was attached."""
    name = found.chosen.cluster_name
    if snapshot.kept(name) is None:
        snapshot.keep(name, snapshot.of(found.api, found.attachment.owner))
    # The record comes before the kubeconfig, which would else be taken for that of a cluster of kind.
    attachment.save(name, found.attachment)
    atomic.write(paths.kubeconfig(name), kubeconfig.text(found.config), mode=0o600)


def _lack_of_files(found: Attachment, chosen: Parameters) -> Lack:
    kept = paths.kubeconfig(chosen.cluster_name)
    given = chosen.target_kubeconfig
    if not kept.is_file():
        return lacks.of(f"{found.context}: its kubeconfig is not kept")
    # What is kept suffices, also where the user's own file is not there any longer.
    if given and given.is_file() and atomic.text(kept) != kubeconfig.text(candidate.of(chosen).config):
        return lacks.of(f"{found.context}: another kubeconfig")
    parent = access.cluster(chosen.cluster_name).get(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)
    is_attached = parent is not None and applyset.owner_of(parent) == found.owner
    return lacks.unless(is_attached, f"{found.context}: this checkout is not attached to it")
