"""What a cluster gets beyond Kubernetes.

_kind > addon:<pod network> > _ready      _target:ready, addon_image:<name> > addon:<name>
_offered:nics, cpufunc_namespaces > _networks
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do
from tasks.runner.later import later
from tasks.runner.meta import MEANS, NOTHING, REMAKES_ALL, SEEN
from tasks.settings.addons import ADDONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.addons import installation, second_network
    from tasks.settings.addons import Addon
else:
    installation = later("tasks.addons.installation")
    second_network = later("tasks.addons.second_network")

# The check of an add-on itself sees what it uses of another add-on or of an image.
_SEEN_BY_ADDONS = {MEANS: {"addon": NOTHING}, SEEN: True}


def task_addon() -> Iterator[dict[str, Any]]:
    """Install the add-ons of the cluster (`addon:<name>`)."""
    yield {"name": None, "doc": "Install the add-ons of the cluster (`addon:<name>`)."}
    for addon in ADDONS:
        yield {
            "name": addon.name,
            "doc": addon.doc,
            "actions": [Do(installation.install, addon.name)],
            "task_dep": _needs(addon),
            "uptodate": [Current(installation.lack, addon.name)],
            "meta": _SEEN_BY_ADDONS,
        }


def task_addon_image() -> Iterator[dict[str, Any]]:
    """Compile the images of add-ons, where the profile wants that (`addon_image:<name>`)."""
    for addon in ADDONS:
        if any(release.built for release in addon.releases):
            yield {
                "name": addon.name,
                "doc": f"Compile the image of {addon.name} and push it, where the profile wants that.",
                "actions": [Do(installation.make_image, addon.name)],
                "task_dep": ["_target:addon_image"],
                "uptodate": [Current(installation.lack_of_image, addon.name)],
                "meta": _SEEN_BY_ADDONS,
            }


def task__networks() -> dict[str, Any]:
    """Make the networks of second interfaces where no add-on of this tool brings them."""
    return {
        "actions": [Do(second_network.make)],
        "task_dep": ["_offered:nics", "cpufunc_namespaces"],
        "uptodate": [Current(second_network.lack)],
        "meta": {MEANS: REMAKES_ALL},
    }


def _needs(addon: Addon) -> list[str]:
    if addon.is_pod_network:
        return ["_kind"]
    image = [f"addon_image:{addon.name}"] if any(release.built for release in addon.releases) else []
    return ["_target:ready", *image, *(f"addon:{need}" for need in addon.needs)]
