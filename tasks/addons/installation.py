"""Installs the add-ons that the parameters choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks import progress, reasons
from tasks.addons import manifests
from tasks.engines.docker import node_files
from tasks.engines.files import atomic, templates
from tasks.engines.kube import access
from tasks.engines.kube import manifests as kube_manifests
from tasks.engines.programs.waiting import until
from tasks.images import addon_images
from tasks.settings import addons, parameters, paths
from tasks.settings.cluster import NODES

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.addons import Addon, AddonFile, Release


def is_current(name: str) -> bool:
    """Return whether an add-on is as it should be, on every node or in the cluster, or is not chosen."""
    addon = addons.addon(name)
    if not chosen(addon):
        return True
    if addon.release:
        return _runs(addon, addon.release)
    cidrs = _pod_cidrs()
    return len(cidrs) == len(NODES) and all(
        node_files.current(node, addon.name, _files(addon, node, cidrs)) for node in cidrs
    )


def install(name: str) -> None:
    """Put an add-on on every node or into the cluster, if the parameters choose it.

    Raises:
        Problem: Its sources cannot be had, the server refuses an object, or a workload does not come up.
    """
    addon = addons.addon(name)
    if not chosen(addon):
        return
    if addon.release:
        _deploy(addon, addon.release)
        return
    cidrs = until(
        "nodes: a pod network each",
        _pod_cidrs,
        lambda found: len(found) == len(NODES),
        deadline=parameters.current().cluster_deadline,
        describe=lambda found: f"{len(found)} of {len(NODES)}",
        hint="kubectl get nodes -o wide",
    )
    progress.step(f"{addon.name} on {', '.join(cidrs)}")
    node_files.on_each(
        cidrs, lambda node: node_files.sync(node, addon.name, _files(addon, node, cidrs), units=addon.units)
    )


def image_is_current(name: str) -> bool:
    """Return whether the registry holds the image of an add-on, or none is to be compiled."""
    addon = addons.addon(name)
    image = addon_images.compiled(addon.release, parameters.current())
    if not (chosen(addon) and addon.release and image):
        return True
    refused = manifests.known_refusal(addon.release)
    if refused:
        return True
    found = addon_images.lack(image, parameters.current())
    return not found or reasons.unless(False, found.reasons[0])


def make_image(name: str) -> None:
    """Have the image of an add-on in the registry, where it is to be compiled and can be."""
    addon = addons.addon(name)
    image = addon_images.compiled(addon.release, parameters.current())
    if chosen(addon) and addon.release and image and not manifests.refusal(addon.release):
        addon_images.ensure_image(image, parameters.current())


def chosen(addon: Addon) -> bool:
    """Return whether the parameters choose an add-on."""
    value = getattr(parameters.current(), addon.parameter.lower()) if addon.parameter else addon.value
    return value == addon.value or (isinstance(value, tuple) and addon.value in value)


def _runs(addon: Addon, release: Release) -> bool:
    """Return whether an add-on runs in the cluster, or the user knows why it does not."""
    refused = manifests.known_refusal(release)
    if refused is None:
        return reasons.unless(False, f"{addon.name}: the module proxy was not asked for it of late")
    if refused:
        return reasons.unless(_told(addon) == refused, f"{addon.name}: {refused}")
    if not manifests.are_rendered(release, addon.name):
        return reasons.unless(False, f"{addon.name}: other manifests")
    return access.cluster().is_current(manifests.objects(release, addon.name))


def _deploy(addon: Addon, release: Release) -> None:
    refused = manifests.refusal(release)
    if refused:
        progress.line(f"Left out {addon.name}: {refused}")
        atomic.write(_mark(addon), refused)
        return
    objects = manifests.objects(release, addon.name)
    deadline = parameters.current().cluster_deadline
    cluster = access.cluster()
    applied = cluster.apply(item for item in objects if not kube_manifests.is_custom(item))
    for item in objects:
        kind = kube_manifests.kind_of(item)
        if kind in {kube_manifests.DEPLOYMENT, kube_manifests.DAEMON_SET}:
            cluster.wait_rollout(
                kind, kube_manifests.name_of(item), kube_manifests.namespace_of(item), deadline=deadline
            )
    # What serves and checks them runs by now, but a webhook may refuse connections for a while yet.
    custom = cluster.apply((item for item in objects if kube_manifests.is_custom(item)), deadline=deadline)
    changed = len(applied.changed) + len(custom.changed)
    progress.line(f"{addon.name}: {changed} objects applied, {len(objects) - changed} were as they should be")


def _told(addon: Addon) -> str:
    """Return why an add-on was left out of this cluster, as the user was told."""
    mark = _mark(addon)
    return mark.read_text(encoding="utf-8") if mark.is_file() else ""


def _mark(addon: Addon) -> Path:
    return paths.cluster_dir(parameters.current().cluster_name) / "left-out" / addon.name


def _pod_cidrs() -> dict[str, str]:
    """Return the pod network of each node that has one, by the node's name."""
    listed = access.cluster().list(kube_manifests.NODE)
    cidrs = {kube_manifests.name_of(node): node["spec"].get("podCIDR", "") for node in listed}
    return {name: cidr for name, cidr in sorted(cidrs.items()) if cidr}


def _files(addon: Addon, node: str, cidrs: dict[str, str]) -> list[node_files.NodeFile]:
    values = {
        "pod_cidr": cidrs[node],
        "pod_subnet": parameters.current().pod_subnet,
        "peers": {peer: cidr for peer, cidr in cidrs.items() if peer != node},
    }
    return [node_files.NodeFile(file.path, _content(addon, file, values), file.mode) for file in addon.files]


def _content(addon: Addon, file: AddonFile, values: dict[str, Any]) -> bytes:
    source = paths.MANIFEST / addon.name / file.source
    return templates.render(source, **values).encode() if source.suffix == ".j2" else source.read_bytes()
