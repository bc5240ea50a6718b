"""The controller's images as published: pulled by the nodes under their own name, nothing is built or pushed.

With CONTROLLER_IMAGES=auto, a running controller keeps the kind of images that it has: a site that is down for a moment
must not restart it. Otherwise the registry decides, for all images that are deployed together.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.archive import facts, origin
from tasks.engines.kube import access, manifests
from tasks.engines.kube.api import Kube
from tasks.engines.programs.again import Patience
from tasks.images.recipe import TAG_LENGTH
from tasks.problems import Problem
from tasks.registry import certificates, client
from tasks.settings import controller, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

_BUILT = re.compile(rf"[0-9a-f]{{{TAG_LENGTH}}}")
_REGISTRY = "registry"
HINT = "CONTROLLER_IMAGES=source, which compiles them"


def lack() -> Lack:
    """Return what has to be found out, or what is missing, before the controller's images can be chosen."""
    current = parameters.current()
    names = _deployed(current)
    if current.controller_images == _REGISTRY:
        return lacks.obstacle(*missing(names, current))
    if not _asks(current) or _kept(names, current) is not None:
        return lacks.NOTHING
    return lacks.of(f"CONTROLLER_IMAGES=auto: {current.dci_registry_addr} is asked")


def choose() -> None:
    """Choose the controller's images, and report why they are compiled, if they are.

    Raises:
        Problem: CONTROLLER_IMAGES is registry, and an image is missing or the registry does not answer.
    """
    current = parameters.current()
    names = _deployed(current)
    if current.controller_images == _REGISTRY:
        require(names, current)
    elif _asks(current) and (refusal := _refusal(names, current)):
        progress.line(f"CONTROLLER_IMAGES=auto: the controller is compiled here: {refusal}")


def require(names: Iterable[str], current: Parameters) -> None:
    """Stop if published images are missing.

    Args:
        names: Names of images.
        current: The parameters of the run.

    Raises:
        Problem: One line for each; or the registry does not answer.
    """
    if lines := missing(names, current):
        raise Problem("\n".join(lines), hint=HINT)


def missing(names: Iterable[str], current: Parameters) -> tuple[str, ...]:
    """Return one line for each image that CONTROLLER_IMAGES requires and that its registry does not have.

    What the cluster runs is not asked for.

    Args:
        names: Names of images.
        current: The parameters of the run.

    Raises:
        Problem: The registry does not answer; or the controller is the sample, which nobody publishes.
    """
    if current.controller_images != _REGISTRY:
        return ()
    _refuse_sample(current)
    running = _running(current)
    wanted = [name for name in names if running.get(name) != reference(name, current)]
    if not wanted:
        return ()
    # Those that are deployed together are asked for together, whichever of them is meant.
    together = dict.fromkeys([*(_deployed(current) if set(wanted) <= set(_deployed(current)) else ()), *wanted])
    lines = _missing_of(tuple(reference(name, current) for name in together), current)
    return tuple(lines[one] for name in wanted if (one := reference(name, current)) in lines)


def reference(name: str, current: Parameters) -> str:
    """Return the full name of an image as published.

    Args:
        name: Name of an image, such as "cpufunction".
        current: The parameters of the run.

    Raises:
        Problem: The controller's source, which says the version, is not there.
    """
    return f"{current.dci_registry_addr}/{name}:{facts.facts().tag}"


def taken(name: str, current: Parameters) -> str:
    """Return the full name of the published image that is used, or an empty string if it is compiled.

    Args:
        name: Name of an image that its makers publish.
        current: The parameters of the run.

    Raises:
        Problem: CONTROLLER_IMAGES is registry, and the controller is the sample.
    """
    if current.controller_images == _REGISTRY:
        _refuse_sample(current)
        return reference(name, current)
    together = _together(name, current)
    return reference(name, current) if together and _asks(current) and _is_chosen(together, current) else ""


def _refuse_sample(current: Parameters) -> None:
    if origin.is_sample(current):
        raise Problem("CONTROLLER_IMAGES: the sample controller is in no registry", hint="CONTROLLER_IMAGES=source")


def _asks(current: Parameters) -> bool:
    return current.controller_images == "auto" and not (origin.own_folder(current) or origin.is_sample(current))


def _together(name: str, current: Parameters) -> tuple[str, ...]:
    """Return the images that are published or compiled with an image; none if it is only a part of another image."""
    if name == controller.VIDEO_SENDER:
        return (name,)
    deployed = _deployed(current)
    if name in deployed:
        return deployed
    return (*deployed, name) if name in {part.image for part in controller.COMPONENTS} else ()


def _deployed(current: Parameters) -> tuple[str, ...]:
    roles = ("manager", "daemon")
    return tuple(part.image for role in roles for part in controller.deployed(role, current.controller_hardware))


def _is_chosen(names: tuple[str, ...], current: Parameters) -> bool:
    """Return whether the published images are used, for CONTROLLER_IMAGES=auto."""
    kept = _kept(names, current)
    return not _refusal(names, current) if kept is None else kept


def _kept(names: Iterable[str], current: Parameters) -> bool | None:
    """Return whether the cluster runs published images rather than compiled ones; None if it runs neither."""
    if current.recreate:
        return None
    running = _running(current)
    ours = {name: running[name] for name in names if name in running}
    if ours and all(found == reference(name, current) for name, found in ours.items()):
        return True
    compiled = f"{current.dci_registry_addr_alt}/"
    is_compiled = [found.startswith(compiled) and _BUILT.fullmatch(found.rpartition(":")[2]) for found in ours.values()]
    return False if any(is_compiled) else None


def _running(current: Parameters) -> dict[str, str]:
    """Return the images that the cluster's workloads run, by name; none if no cluster answers."""
    try:
        kubeconfig = access.kubeconfig(current.cluster_name)
        return _images_of(kubeconfig, kubeconfig.stat().st_mtime_ns)
    except Problem:
        return {}


@functools.cache
def _images_of(kubeconfig: Path, written: int) -> dict[str, str]:  # noqa: ARG001 - another cluster is another file
    """Return the images that a cluster's workloads run, by name; a cluster that does not answer is not waited for."""
    found = Kube(kubeconfig, Patience(0.0)).lists(manifests.DEPLOYMENT, manifests.DAEMON_SET)
    references = (one for items in found for item in items for one in facts.image_references(item))
    return {facts.image_name(one): one for one in references}


def _refusal(names: Iterable[str], current: Parameters) -> str:
    """Return why published images cannot be used, or an empty string."""
    return _refusal_of(tuple(reference(name, current) for name in names), current)


@functools.cache
def _refusal_of(references: tuple[str, ...], current: Parameters) -> str:
    """Return why images cannot be pulled; a registry that does not answer is asked once in a run too."""
    try:
        return next(iter(_missing_of(references, current).values()), "")
    except Problem as problem:
        return problem.message


@functools.cache
def _missing_of(references: tuple[str, ...], current: Parameters) -> Mapping[str, str]:
    """Return one line for each image that cannot be pulled, by its full name.

    Raises:
        Problem: The registry does not answer.
    """
    answers = certificates.reachable(client.publisher(current), current).answers(references)
    return {name: f"image {name}: {answer.refusal}" for name, answer in answers.items() if answer.refusal}


def forget() -> None:
    """Forget what the registry and the cluster said."""
    for remembered in (_refusal_of, _missing_of, _images_of):
        remembered.cache_clear()
