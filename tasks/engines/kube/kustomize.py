"""Kustomize, as kubectl carries it."""

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
        settings: Which Go compiles kubectl, where the machine has none.

    Raises:
        Problem: The kustomization is wrong; the details carry kustomize's own words.
    """
    # Any kubectl renders the same; the pinned one may have to be compiled first.
    kubectl = shutil.which("kubectl") or modules.program(artifacts.KUBERNETES, "kubectl", settings)
    return manifests.parse(shell.run([kubectl, "kustomize", folder]).stdout, str(folder))
