"""Kustomize, as built into kubectl."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tasks.engines.kube import kubectl, manifests
from tasks.engines.programs import shell

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.kubectl import KubectlSettings
    from tasks.engines.kube.manifests import Object


def build(folder: Path, settings: KubectlSettings) -> list[Object]:
    """Return the objects of a kustomization.

    Args:
        folder: Folder with a kustomization.yaml.
        settings: Where kubectl comes from, if the machine has none.

    Raises:
        Problem: The kustomization is invalid; the details hold kustomize's output.
    """
    # Any kubectl gives the same result, and the pinned one may have to be compiled first.
    program = shutil.which(kubectl.NAME) or kubectl.ensure(settings)
    return manifests.parse(shell.run([program, "kustomize", folder]).stdout, str(folder))
