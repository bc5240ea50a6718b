"""Installs the add-ons that the parameters choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.addons import choice
from tasks.engines.docker import node_files
from tasks.engines.files import atomic, templates
from tasks.engines.kube import access
from tasks.engines.kube import manifests as kube_manifests
from tasks.engines.programs.waiting import Condition
from tasks.images import addon_images
from tasks.problems import Problem
from tasks.settings import addons, parameters, paths
from tasks.settings.cluster import NODES
from tasks.target import add_ons
from tasks.target import choice as targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.addons.choice import Choice
    from tasks.engines.kube.manifests import Object
    from tasks.lack import Lack
    from tasks.settings.addons import Addon, AddonFile
    from tasks.settings.parameters.model import Parameters


def lack(name: str) -> Lack:
    """Return what an add-on lacks on the nodes or in the cluster; nothing if it is not chosen."""
    p = parameters.current()
    addon = addons.addon(name)
    if not is_chosen(addon, p):
        return lacks.SETTLED
    if addon.release:
        found = choice.known(addon, p)
        of_others = lacks.obstacle(*_of_others(addon, p))
        return of_others or (_lack_in_cluster(found) if found else _not_asked(addon))
    return _lack_on_nodes(addon, p)


def install(name: str) -> None:
    """Put an add-on on every node or into the cluster, if the parameters choose it.

    Raises:
        Problem: Its sources are not available, the server refuses an object, or a workload does not come up.
    """
    p = parameters.current()
    addon = addons.addon(name)
    if not is_chosen(addon, p):
        return
    if addon.release:
        for refusal in _of_others(addon, p):
            raise Problem(refusal)
        _deploy(choice.settled(addon, p))
        return
    cidrs = Condition(
        "nodes: a pod network each",
        lambda: _pod_cidrs(p.cluster_name),
        lambda found: len(found) == len(NODES),
        describe=lambda found: f"{len(found)} of {len(NODES)}",
    ).wait(p.cluster_deadline, hint="./doit kubectl get nodes -o wide")
    progress.step(f"{addon.name} on {', '.join(cidrs)}")
    node_files.on_each(
        cidrs, lambda node: node_files.sync(node, addon.name, _files(addon, p, node, cidrs), units=addon.units)
    )


def lack_of_image(name: str) -> Lack:
    """Return whether the registry lacks the image of an add-on; nothing if none is to be compiled."""
    addon = addons.addon(name)
    p = parameters.current()
    if not (is_chosen(addon, p) and any(addon_images.compiled(each, p) for each in choice.releases(addon, p))):
        return lacks.SETTLED
    found = choice.known(addon, p)
    if found is None:
        return _not_asked(addon)
    image = addon_images.compiled(found.manifests.release, p)
    return addon_images.lack(image, p) if image and not found.is_left_out else lacks.SETTLED


def make_image(name: str) -> None:
    """Build the image of an add-on and push it, if the profile compiles it and its source is available."""
    addon = addons.addon(name)
    p = parameters.current()
    if not (is_chosen(addon, p) and any(addon_images.compiled(each, p) for each in choice.releases(addon, p))):
        return
    found = choice.settled(addon, p)
    image = addon_images.compiled(found.manifests.release, p)
    if image and not found.is_left_out:
        addon_images.ensure_image(image, p)


def is_chosen(addon: Addon, p: Parameters) -> bool:
    """Return whether the parameters choose an add-on."""
    value = getattr(p, addon.parameter.lower()) if addon.parameter else addon.value
    return value == addon.value or (isinstance(value, tuple) and addon.value in value)


def _of_others(addon: Addon, p: Parameters) -> Iterator[str]:
    """Yield why an add-on is not installed that others have installed there already."""
    if version := targets.of(p).version_of_others(addon.name):
        yield add_ons.refusal(addon.name, version)


def _not_asked(addon: Addon) -> Lack:
    return lacks.of(f"{addon.name}: the module proxy has not been asked for it recently")


def _lack_in_cluster(found: Choice) -> Lack:
    """Return what keeps an add-on from running in the cluster; nothing if the user has been told why it is left out."""
    addon, manifests = found.addon, found.manifests
    cluster_name = manifests.chosen.cluster_name
    if found.is_left_out:
        is_told = _told(addon, cluster_name) == found.refused
        return lacks.SETTLED if is_told else lacks.of(f"{addon.name}: {found.refused}")
    if not manifests.are_rendered():
        return lacks.of(f"{addon.name}: other manifests")
    notice = found.notice()
    untold = lacks.unless(not notice or _told(addon, cluster_name) == notice, f"{addon.name}: {notice}")
    return untold + access.cluster(cluster_name).lack(_objects(found))


def _lack_on_nodes(addon: Addon, p: Parameters) -> Lack:
    """Return what the first node lacks that does not have the whole add-on."""
    cidrs = _pod_cidrs(p.cluster_name)
    if len(cidrs) != len(NODES):
        return lacks.of("nodes: not all have a pod network yet")
    return node_files.first_lack(cidrs, lambda node: node_files.lack(node, addon.name, _files(addon, p, node, cidrs)))


def _deploy(found: Choice) -> None:
    addon, manifests = found.addon, found.manifests
    p = manifests.chosen
    if found.is_left_out:
        progress.line(f"Left out {addon.name}: {found.refused}")
        atomic.write(_mark(addon, p.cluster_name), found.refused)
        return
    _say_what_is_special(found)
    objects = _objects(found)
    deadline = p.cluster_deadline
    cluster = access.cluster(p.cluster_name)
    applied = cluster.apply(item for item in objects if not kube_manifests.is_custom(item))
    for item in objects:
        kind = kube_manifests.kind_of(item)
        if kind in {kube_manifests.DEPLOYMENT, kube_manifests.DAEMON_SET}:
            cluster.wait_rollout(
                kind, kube_manifests.name_of(item), kube_manifests.namespace_of(item), deadline=deadline
            )
    # The workloads that serve and check them run by now, but a webhook may still refuse connections for a while.
    custom = cluster.apply((item for item in objects if kube_manifests.is_custom(item)), deadline=deadline)
    changed = len(applied.changed) + len(custom.changed)
    progress.line(f"{addon.name}: {changed} objects applied, {len(objects) - changed} were as they should be")


def _objects(found: Choice) -> list[Object]:
    """Return what an add-on consists of where it runs."""
    return targets.of(found.manifests.chosen).pulling(found.manifests.objects())


def _say_what_is_special(found: Choice) -> None:
    if notice := found.notice():
        progress.line(f"{found.addon.name}: {notice}")
        atomic.write(_mark(found.addon, found.manifests.chosen.cluster_name), notice)


def _told(addon: Addon, cluster_name: str) -> str:
    """Return what the user was told about why an add-on is left out of this cluster, kept as it is, or stood in for."""
    mark = _mark(addon, cluster_name)
    return mark.read_text(encoding="utf-8") if mark.is_file() else ""


def _mark(addon: Addon, cluster_name: str) -> Path:
    return paths.cluster_dir(cluster_name) / "told" / addon.name


def _pod_cidrs(cluster_name: str) -> dict[str, str]:
    """Return the pod network of each node that has one, by the node's name."""
    listed = access.cluster(cluster_name).list(kube_manifests.NODE)
    cidrs = {kube_manifests.name_of(node): node["spec"].get("podCIDR", "") for node in listed}
    return {name: cidr for name, cidr in sorted(cidrs.items()) if cidr}


def _files(addon: Addon, p: Parameters, node: str, cidrs: dict[str, str]) -> list[node_files.NodeFile]:
    values = {
        "pod_cidr": cidrs[node],
        "pod_subnet": p.pod_subnet,
        "peers": {peer: cidr for peer, cidr in cidrs.items() if peer != node},
    }
    return [node_files.NodeFile(file.path, _content(addon, file, values), file.mode) for file in addon.files]


def _content(addon: Addon, file: AddonFile, values: dict[str, Any]) -> bytes:
    source = paths.MANIFEST / addon.name / file.source
    return templates.render(source, **values).encode() if source.suffix == ".j2" else source.read_bytes()
