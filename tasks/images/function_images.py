"""The images of functions, whoever they are of: a folder of work/functions takes the place of the controller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.functions import folders
from tasks.images import archive_images, own_images
from tasks.images.recipe import TAG_LENGTH
from tasks.registry import client as registry_client
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters


def lack(name: str) -> Lack:
    """Return the image if the registry lacks it; one that is taken as it is lacks nothing, unless it is not there.

    Args:
        name: Name of an image, such as "cpufunc_gst", or of a folder of work/functions.

    Raises:
        Problem: The registry does not answer, or the folder cannot be built.
    """
    if not folders.is_own(name):
        return archive_images.lack(name)
    current = parameters.current()
    wanted = reference(name, current)
    return lacks.unless(registry_client.of(current).holds(wanted), f"{wanted}: not in the registry")


def build(name: str) -> None:
    """Build an image, unless the engine has it from an earlier run, and push it; one that is taken is only looked for.

    Args:
        name: Name of an image, or of a folder of work/functions.

    Raises:
        Problem: It cannot be built, or the registry refuses it.
    """
    if not folders.is_own(name):
        archive_images.build(name)
        return
    current = parameters.current()
    local = own_images.ensure(name, current)
    wanted = reference(name, current)
    registry_client.of(current).push(local, wanted)
    instead = ", in place of the controller's own" if name in archive_images.IMAGES else ""
    progress.line(f"{wanted}: from {folders.shown(name)}{instead}")


def reference(name: str, current: Parameters) -> str:
    """Return the full name under which nodes pull an image.

    Args:
        name: Name of an image, or of a folder of work/functions.
        current: The parameters of the run.

    Raises:
        Problem: There is none of that name that can be built.
    """
    if folders.is_own(name):
        return f"{current.dci_registry_addr_alt}/{name}:{own_images.inputs(name, current)[:TAG_LENGTH]}"
    _require_known(name)
    return archive_images.reference(name, current)


def references(names: Iterable[str], current: Parameters) -> dict[str, str]:
    """Return the full names of images by their short names.

    Args:
        names: Names of images.
        current: The parameters of the run.
    """
    return {name: reference(name, current) for name in names}


def obstacles(name: str, current: Parameters) -> tuple[str, ...]:
    """Return why an image can neither be taken as it is nor built here, one phrase each.

    Args:
        name: Name of an image, or of a folder of work/functions.
        current: The parameters of the run.
    """
    if folders.is_own(name):
        return own_images.obstacles(name, current)
    return archive_images.obstacles(name, current) if _is_known(name) else (folders.complaint(name),)


def is_in_source(name: str) -> bool:
    """Return whether the controller's source has the Dockerfile of an image, and no folder takes its place.

    Args:
        name: Name of an image.
    """
    return _is_known(name) and not folders.is_own(name) and archive_images.is_in_source(name)


def taken(name: str, current: Parameters) -> str:
    """Return the full name of an image that is used as somebody else made it, or an empty string if it is built here.

    Args:
        name: Name of an image; one of a folder of work/functions is always built.
        current: The parameters of the run.

    Raises:
        Problem: It is to be taken from where it is not, or a registry that has to be asked does not answer.
    """
    return "" if folders.is_own(name) else archive_images.taken(name, current)


def _is_known(name: str) -> bool:
    return name in archive_images.IMAGES


def _require_known(name: str) -> None:
    if not _is_known(name):
        folders.require(name)
