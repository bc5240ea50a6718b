"""Whether the credentials for an existing cluster suffice, and the role that an administrator gives them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from tasks import progress
from tasks.engines.kube import manifests, rbac
from tasks.settings import parameters, sriov, target, target_rights

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.settings.parameters.model import Parameters
    from tasks.settings.target_rights import Right

_AT_ONCE = 8


class Api(Protocol):
    """What is asked of the API."""

    def is_allowed(self, group: str, resource: str, verb: str) -> bool:
        """Return whether these credentials may do something in all namespaces."""


def missing(api: Api, needed: Iterable[Right]) -> list[str]:
    """Return what the credentials may not do, one phrase for each kind: verbs and resource.

    Args:
        api: The API.
        needed: What they have to be allowed to do.

    Raises:
        Problem: It does not answer.
    """
    asked = [(right, verb) for right in needed for verb in right.verbs]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        allowed = [*threads.map(lambda one: _is_allowed(api, *one), asked)]
    found: dict[Right, list[str]] = {}
    for (right, verb), good in zip(asked, allowed, strict=True):
        if not good:
            found.setdefault(right, []).append(verb)
    return [f"{', '.join(verbs)} {right}" for right, verbs in found.items()]


def _is_allowed(api: Api, right: Right, verb: str) -> bool:
    return api.is_allowed(right.group, right.resource, verb)


def show() -> None:
    """Show the role that suffices, and how it is given to an account."""
    made = rbac.entitled(target.TOOL, target.DAEMONS, target_rights.rules(needed(parameters.current())))
    progress.line("---\n".join(map(manifests.text, made)).rstrip())


def needed(chosen: Parameters) -> tuple[Right, ...]:
    """Return what has to be allowed.

    Args:
        chosen: The parameters of the run.
    """
    return target_rights.rights(chosen.addons, functions=chosen.sriov != "none", policies=chosen.sriov == sriov.POLICY)
