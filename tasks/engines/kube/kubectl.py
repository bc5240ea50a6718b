"""kubectl: the one that the tool has already, else that of the release, else one that is compiled alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tasks import progress
from tasks.engines.files import releases
from tasks.engines.go import modules
from tasks.engines.go.settings import GoSettings
from tasks.settings import artifacts
from tasks.settings.artifacts import MODULES, RELEASE

if TYPE_CHECKING:
    from pathlib import Path

NAME = "kubectl"
_ALONE = replace(
    artifacts.KUBERNETES,
    name=NAME,
    programs=tuple(program for program in artifacts.KUBERNETES.programs if program.name == NAME),
)


class KubectlSettings(GoSettings, Protocol):
    """The parameters that decide which kubectl the tool has."""

    @property
    def kubernetes_from(self) -> str:
        """Where Kubernetes comes from: `release`, `modules` or `auto`."""

    @property
    def k8s_version(self) -> str:
        """Version of Kubernetes, such as v1.31.0."""

    @property
    def k8s_release_url(self) -> str:
        """Address of the official releases."""


def kept(settings: KubectlSettings) -> Path | None:
    """Return the kubectl that the tool has; nothing is fetched or compiled.

    Args:
        settings: Where Kubernetes comes from, and where it is kept.
    """
    if settings.kubernetes_from != MODULES:
        found = releases.kept(settings.k8s_release_url, settings.k8s_version, NAME, settings.cache_dir)
        if found or settings.kubernetes_from == RELEASE:
            return found
    # The node image needs all programs of Kubernetes, so that they are often there.
    builds = (artifacts.KUBERNETES, _ALONE)
    built = next((artifact for artifact in builds if modules.is_built(artifact, settings)), None)
    return modules.program(built, NAME, settings) if built else None


def ensure(settings: KubectlSettings) -> Path:
    """Return the kubectl that the tool has; fetch it or compile it alone if there is none yet.

    Args:
        settings: Where Kubernetes comes from, and where it is kept.

    Raises:
        Problem: It cannot be fetched or compiled.
    """
    return kept(settings) or (_fetched(settings) if _is_released(settings) else _compiled(settings))


def published(settings: KubectlSettings) -> str:
    """Return the address of the checksum of the released kubectl."""
    return releases.checksum_address(settings.k8s_release_url, settings.k8s_version, NAME)


def _is_released(settings: KubectlSettings) -> bool:
    if settings.kubernetes_from in {RELEASE, MODULES}:
        return settings.kubernetes_from == RELEASE
    return releases.answers(settings.k8s_release_url, settings.k8s_version, NAME)


def _fetched(settings: KubectlSettings) -> Path:
    progress.line(f"kubectl {settings.k8s_version} is not here yet: fetching it from {settings.k8s_release_url}")
    folder = releases.fetch(settings.k8s_release_url, settings.k8s_version, [NAME], settings.cache_dir)
    return folder / NAME


def _compiled(settings: KubectlSettings) -> Path:
    progress.line(f"kubectl {settings.k8s_version} is not here yet: compiling it from the Go module proxy")
    return modules.program(_ALONE, NAME, settings)
