"""Kustomize, as built into kubectl."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tasks.engines.go import modules
from tasks.engines.kube import manifests
from tasks.engines.programs import shell
from tasks.settings import artifacts

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.go.settings import GoSettings
    from tasks.engines.kube.manifests import Object


def build(folder: Path, settings: GoSettings) -> list[Object]:
    """Return the objects of a kustomization.

    Args:
        folder: Folder with a kustomization.yaml.
        settings: Which Go compiles kubectl, if the machine has none.

    Raises:
        Problem: The kustomization is invalid; the details hold kustomize's output.
    """
    # Any kubectl gives the same result, and the pinned one may have to be compiled first.
    kubectl = shutil.which("kubectl") or modules.program(artifacts.KUBERNETES, "kubectl", settings)
    return manifests.parse(shell.run([kubectl, "kustomize", folder]).stdout, str(folder))
