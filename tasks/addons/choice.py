"""Which of its releases an add-on runs: upstream's, a stand-in, or a substitute for what the module proxy refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.addons import address_pool
from tasks.addons.manifests import Manifests
from tasks.settings import addons, emulation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.settings.addons import Addon, Release
    from tasks.settings.parameters.model import Parameters


@dataclass(frozen=True)
class Choice:
    """What an add-on runs.

    Attributes:
        addon: The add-on.
        manifests: Its manifests.
        refused: Why the module proxy refuses what it would run otherwise, in the proxy's words, or an empty string.
        is_left_out: Whether it runs nothing, because the proxy refuses the substitute too or there is none.
    """

    addon: Addon
    manifests: Manifests
    refused: str = ""
    is_left_out: bool = False

    def notice(self) -> str:
        """Return one line that the user has to be told about what runs, or an empty string.

        Raises:
            Problem: It is about the nodes' network, and there is none.
        """
        chosen, release = self.manifests.chosen, self.manifests.release
        if release == self.addon.emulated:
            return f"stand-ins, {chosen.sriov_num_vfs} on each worker with a stand-in card (EMULATE={emulation.SRIOV})"
        if release == self.addon.substitute:
            version = getattr(chosen, release.version.lower())
            return f"{release.kustomization} {version} stands in for it: {self.refused}"
        return address_pool.notice(chosen) if self.addon.name == addons.LOAD_BALANCER else ""


def releases(addon: Addon, chosen: Parameters) -> tuple[Release, ...]:
    """Return what an add-on may run in the cluster with these parameters, the preferred one first.

    Args:
        addon: The add-on.
        chosen: The parameters of the run.
    """
    if addon.emulated and emulation.SRIOV in chosen.emulate:
        return (addon.emulated,)
    substitute = addon.substitute if chosen.addon_images == "source" else None
    return tuple(filter(None, (addon.release, substitute)))


def known(addon: Addon, chosen: Parameters) -> Choice | None:
    """Return what an add-on runs without any request, or None if the module proxy would have to be asked.

    Args:
        addon: An add-on with releases.
        chosen: The parameters of the run.
    """
    asked = []
    for manifests in _candidates(addon, chosen):
        refused = manifests.known_refusal()
        if refused is None:
            return None
        asked.append((manifests, refused))
        if not refused:
            break
    return _first(addon, asked)


def settled(addon: Addon, chosen: Parameters) -> Choice:
    """Return what an add-on runs; the module proxy is asked if necessary.

    Args:
        addon: An add-on with releases.
        chosen: The parameters of the run.

    Raises:
        Problem: The proxy does not answer.
    """
    return _first(addon, ((manifests, manifests.refusal()) for manifests in _candidates(addon, chosen)))


def _candidates(addon: Addon, chosen: Parameters) -> list[Manifests]:
    return [Manifests(addon.name, release, chosen) for release in releases(addon, chosen)]


def _first(addon: Addon, asked: Iterable[tuple[Manifests, str]]) -> Choice:
    """Return the first whose refusal, beside it, is empty, or the preferred one as left out."""
    refusals: list[tuple[Manifests, str]] = []
    for manifests, refused in asked:
        if not refused:
            return Choice(addon, manifests, next((words for _, words in refusals), ""))
        refusals.append((manifests, refused))
    preferred, words = refusals[0]
    return Choice(addon, preferred, words, is_left_out=True)
