"""The registry that the cluster pulls from.

engine > image:openkasugai-registry > registry > registry_ca
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Root, Same
from tasks.runner.later import later
from tasks.runner.meta import LOOKS_ONLY, NAMED_BY_INPUTS, ROOT

if TYPE_CHECKING:
    from tasks.registry import certificates, embedded
else:
    certificates = later("tasks.registry.certificates")
    embedded = later("tasks.registry.embedded")


_TRUST = Root("Docker's trust in the registry", Current(certificates.lack_of_offered_trust))


def task__registry_image() -> dict[str, Any]:
    """Choose the image of the embedded registry, if there is one."""
    return {"actions": [Do(embedded.image)], "uptodate": [Same(embedded.image)], "meta": LOOKS_ONLY}


def task_registry() -> dict[str, Any]:
    """Run the embedded registry, if the profile asks for one."""
    return {
        "actions": [Do(embedded.ensure)],
        "task_dep": ["_target:engine"],
        "calc_dep": ["_registry_image"],
        "uptodate": [Current(embedded.lack)],
        "meta": NAMED_BY_INPUTS,
    }


def task_registry_ca() -> dict[str, Any]:
    """Download and check the CA of the registry, and let the Docker engine trust it."""
    return {
        "actions": [Do(certificates.fetch), Do(certificates.trust)],
        "task_dep": ["registry"],
        "uptodate": [Current(certificates.lack), Current(certificates.lack_of_trust)],
        "meta": {**NAMED_BY_INPUTS, ROOT: (_TRUST,)},
    }
