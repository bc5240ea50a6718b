"""What the parameters choose: the nodes' runtime, the node with the GPU driver, and where other images come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.functions import folders
from tasks.gpu import sharing
from tasks.images import archive_images, function_images, harbor_images, machine, node_images, runtime
from tasks.problems import Problem
from tasks.registry import client as registry_client
from tasks.settings import controller, gpu, images, parameters
from tasks.settings.parameters import target_rules

if TYPE_CHECKING:
    from tasks.engines.host.facts import Host
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters


def lack_of_runtime() -> Lack:
    """Return the question that has to be answered to choose the runtime, if any."""
    return runtime.lack(parameters.current())


def runtime_image() -> dict[str, list[str]]:
    """Return the task of the image that holds the nodes' runtime, as doit's calculated dependencies."""
    return _runtime_image(parameters.current())


def choose_runtime() -> dict[str, list[str]]:
    """Choose the runtime, and return the task of its image.

    Raises:
        Problem: NODE_RUNTIME is auto, and the module proxy does not answer.
    """
    current = parameters.current()
    runtime.choose(current)
    return _runtime_image(current)


def archive_source() -> dict[str, list[str]]:
    """Return the task of the controller's source if an image takes a part of it, as doit's dependencies."""
    current = parameters.current()
    taken = any(node_images.archive_part(image, current) for image in images.NODE_IMAGES)
    return {"task_dep": ["controller_source"] if taken else []}


def gpu_image() -> dict[str, list[str]]:
    """Return the task of the image of the worker that gets the GPU if one does, as doit's dependencies."""
    image = _image_of_first_worker(parameters.current())
    return {"task_dep": [f"image:{image}"] if image != images.NODE_IMAGE else []}


def controller_images() -> dict[str, Any]:
    """Return the tasks of the images that the deployed controller runs, as doit's calculated dependencies."""
    hardware = parameters.current().controller_hardware
    parts = (*controller.deployed("manager", hardware), *controller.deployed("daemon", hardware))
    return {"task_dep": [f"controller_image:{part.image}" for part in parts]}


def image_source(name: str) -> dict[str, list[str]]:
    """Return what an image of the controller's source is built on, as doit's dependencies; one that is taken, nothing.

    An image that cannot be looked for yet counts as built, unless it may come from the registry only;
    `choose_image_source` says why it cannot.

    Args:
        name: Name of an image, such as "cpufunction".
    """
    try:
        return choose_image_source(name)
    except Problem:
        return {"task_dep": []} if _is_never_built(name, parameters.current()) else _built_on_base()


def choose_image_source(name: str) -> dict[str, list[str]]:
    """Find out whether an image is taken as it is, and return the same as `image_source`.

    Args:
        name: Name of an image.

    Raises:
        Problem: A registry that has to be asked does not answer.
    """
    current = parameters.current()
    if not function_images.taken(name, current):
        return {"task_dep": []} if _is_there_without_engine(name, current) else _built_on_base()
    if not archive_images.IMAGES[name].published:
        harbor_images.say_who_pulls(name, current)
    return {"task_dep": []}


def asked_registry() -> dict[str, list[str]]:
    """Return the task of the embedded registry if it is asked for functions' images, as doit's dependencies."""
    current = parameters.current()
    asks = current.function_images != "source" and current.registry == "embedded"
    return {"task_dep": ["registry_ca"] if asks else []}


def _is_never_built(name: str, current: Parameters) -> bool:
    """Return whether an image of the controller's source comes from a registry or not at all."""
    if folders.is_own(name):
        return False
    is_published = archive_images.IMAGES[name].published
    return (current.controller_images if is_published else current.function_images) == "registry"


def _is_there_without_engine(name: str, current: Parameters) -> bool:
    """Return whether the registry has an image, where no engine is needed if nothing is built."""
    if target_rules.needs_engine(current):
        return False
    return registry_client.of(current).holds(function_images.reference(name, current))


def _built_on_base() -> dict[str, list[str]]:
    return {"task_dep": [f"image:{images.BASE}"]}


def is_gpu_lent(current: Parameters, host: Host | None = None) -> bool:
    """Return whether the first worker's image has the NVIDIA driver: by GPU or, for `auto`, if a GPU can be lent.

    Args:
        current: The parameters of the run.
        host: The machine whose GPUs count; None for this one.
    """
    if current.gpu != "auto":
        return current.gpu == "yes"
    here = host or machine.host()
    if not machine.driver(current).is_file() or not here.devices(gpu.NVIDIA, gpu.DISPLAY):
        return False
    return runtime.chosen(current) == runtime.CRIO and not sharing.Choice(current, here).is_share


def node_image(suffix: str, current: Parameters, host: Host | None = None) -> str:
    """Return the full name of the image of a node.

    Args:
        suffix: What follows the cluster's name in the node's.
        current: The parameters of the run.
        host: The machine whose GPUs count; None for this one.
    """
    return images.tag(node_image_name(suffix, current, host), current)


def node_image_name(suffix: str, current: Parameters, host: Host | None = None) -> str:
    """Return the name of the image of a node in the table; the arguments are those of `node_image`."""
    return _image_of_first_worker(current, host) if suffix == gpu.NODE_SUFFIX else images.NODE_IMAGE


def _image_of_first_worker(current: Parameters, host: Host | None = None) -> str:
    if sharing.Choice(current, host or machine.host()).is_share:
        return images.SHARED_GPU_IMAGE
    return images.GPU_IMAGE if is_gpu_lent(current, host) else images.NODE_IMAGE


def _runtime_image(current: Parameters) -> dict[str, list[str]]:
    return {"task_dep": [f"image:{images.RUNTIME_IMAGES[runtime.chosen(current)]}"]}
