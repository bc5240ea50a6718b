"""Where an image's programs come from: an official release, or built from Go modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files import releases
from tasks.engines.go import modules
from tasks.settings import parameters

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.artifacts import GoArtifact

RELEASE = "release"
_MODULES = "modules"


def definition(artifact: GoArtifact) -> str:
    """Return what an artifact's programs are made of; nothing is asked or compiled for it.

    Raises:
        Problem: They may be compiled, and go.mod pins another version than the parameter names.
    """
    source = _source(artifact)
    built = "" if source == RELEASE else modules.definition(artifact, parameters.current())
    released = "" if source == _MODULES else f"{_version(artifact)} of {_site(artifact)}"
    return " or ".join(part for part in (released, built) if part)


def folder(artifact: GoArtifact, names: tuple[str, ...]) -> Path:
    """Have programs of an artifact.

    Args:
        artifact: An entry of the artifact table.
        names: The programs that are wanted.

    Returns:
        The folder that holds them.

    Raises:
        Problem: They cannot be had, or have another checksum than is published.
    """
    source = _source(artifact)
    if source == _MODULES or (source != RELEASE and not _reached(artifact, names[0])):
        return modules.build(artifact, parameters.current())
    return releases.fetch(_site(artifact), _version(artifact), names, parameters.current().cache_dir)


def _reached(artifact: GoArtifact, program: str) -> bool:
    site = _site(artifact)
    reached = releases.answers(site, _version(artifact), program)
    if not reached:
        progress.line(f"{site} offers no {artifact.name} {_version(artifact)}: it is built from the Go module proxy")
    return reached


def _source(artifact: GoArtifact) -> str:
    return parameters.current().kubernetes_from if artifact.release else _MODULES


def _site(artifact: GoArtifact) -> str:
    return str(getattr(parameters.current(), artifact.release.lower()))


def _version(artifact: GoArtifact) -> str:
    return str(getattr(parameters.current(), artifact.parameter.lower()))
