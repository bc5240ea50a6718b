"""Where an image's programs come from: an official release, or a build from Go modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files import releases
from tasks.engines.go import modules, sources
from tasks.images import base
from tasks.settings.artifacts import MODULES, RELEASE

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.parameters.model import Parameters


def definition(artifact: GoArtifact, current: Parameters) -> str:
    """Return what an artifact's programs are made of, without asking a server or compiling anything."""
    chosen = source(artifact, current)
    built = "" if chosen == RELEASE else _built(artifact, current)
    released = "" if chosen == MODULES else f"{sources.version(artifact, current)} of {site(artifact, current)}"
    return " or ".join(part for part in (released, built) if part)


def folder(artifact: GoArtifact, names: tuple[str, ...], current: Parameters) -> Path:
    """Download or build programs of an artifact.

    Args:
        artifact: An entry of the artifact table.
        names: The programs that are wanted.
        current: The parameters of the run.

    Returns:
        The folder that holds them.

    Raises:
        Problem: They are not available, or their checksum is not the published one.
    """
    if _is_compiled(artifact, names, current):
        return modules.build(artifact, current)
    return releases.fetch(site(artifact, current), sources.version(artifact, current), names, current.cache_dir)


def fetch(artifact: GoArtifact, names: tuple[str, ...], current: Parameters) -> None:
    """Fetch the source of programs that are compiled, with all modules that it imports; a release needs none.

    Args:
        artifact: An entry of the artifact table.
        names: The programs that are wanted.
        current: The parameters of the run.

    Raises:
        Problem: A module cannot be fetched, or its checksum is not the one in go.sum.
    """
    if _is_compiled(artifact, names, current):
        modules.fetch_packages(artifact, current)


def is_there(artifact: GoArtifact, names: tuple[str, ...], current: Parameters) -> bool:
    """Return whether programs that link no C libraries are made or kept; no server is asked.

    Args:
        artifact: An entry of the artifact table.
        names: The programs that are wanted.
        current: The parameters of the run.
    """
    chosen = source(artifact, current)
    if chosen != RELEASE and modules.is_built(artifact, current):
        return True
    if chosen == MODULES:
        return False
    place, version = site(artifact, current), sources.version(artifact, current)
    return all(releases.kept(place, version, name, current.cache_dir) for name in names)


def source(artifact: GoArtifact, current: Parameters) -> str:
    """Return where an artifact's programs come from: RELEASE, MODULES, or `auto` for the first that answers."""
    return current.kubernetes_from if artifact.release else MODULES


def site(artifact: GoArtifact, current: Parameters) -> str:
    """Return the address of an artifact's releases."""
    return str(getattr(current, artifact.release.lower()))


def _built(artifact: GoArtifact, current: Parameters) -> str:
    """Return what identifies the programs if they are compiled.

    If a release comes first, the modules of a version are resolved only if the site has no release. An image from a
    release must not count as another one because its modules have been resolved for something else.
    """
    if source(artifact, current) == MODULES or sources.is_pinned(artifact, current):
        return modules.definition(artifact, current, base.linked(artifact, current))
    return f"{sources.version(artifact, current)} of the module proxy, compiled by {modules.version(current)}"


def _is_compiled(artifact: GoArtifact, names: tuple[str, ...], current: Parameters) -> bool:
    """Return whether programs are compiled, which depends on the site if the release's programs come first."""
    chosen = source(artifact, current)
    return chosen == MODULES or (chosen != RELEASE and not _is_reached(artifact, names[0], current))


def _is_reached(artifact: GoArtifact, program: str, current: Parameters) -> bool:
    place, version = site(artifact, current), sources.version(artifact, current)
    reached = releases.answers(place, version, program)
    if not reached:
        progress.line(f"{place} offers no {artifact.name} {version}: it is built from the Go module proxy")
    return reached
