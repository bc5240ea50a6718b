"""The cluster that the parameters name, looked at before anything is kept of it or made in it."""

from __future__ import annotations

import atexit
import platform
import tempfile
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.engines.files import atomic
from tasks.engines.kube import manifests
from tasks.engines.kube.api import Kube
from tasks.engines.kube.attachment import Attachment
from tasks.problems import Problem
from tasks.settings import paths
from tasks.target import kubeconfig, nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.engines.kube.manifests import Object
    from tasks.settings.parameters.model import Parameters

_MACHINE = Path("/etc/machine-id")
_DIGITS = 16
_HINT = "TARGET_KUBECONFIG and TARGET_CONTEXT have to name a cluster that answers from here"


def owner(chosen: Parameters) -> str:
    """Return the identifier of the owner of what is made: that of this checkout on this machine, or TARGET_OWNER.

    Args:
        chosen: The parameters of the run.
    """
    if chosen.target_owner:
        return chosen.target_owner
    machine = atomic.word(_MACHINE) if _MACHINE.is_file() else platform.node()
    return sha256(f"{machine}:{paths.ROOT}".encode()).hexdigest()[:_DIGITS]


@cache
def of(chosen: Parameters) -> Candidate:
    """Return the cluster that the parameters name; nothing is sent yet.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: TARGET_KUBECONFIG or TARGET_CONTEXT is wrong.
    """
    if chosen.target_kubeconfig is None:
        raise Problem("TARGET_KUBECONFIG: is empty")
    return Candidate(chosen, kubeconfig.minified(chosen.target_kubeconfig, chosen.target_context))


@dataclass(frozen=True)
class Candidate:
    """A cluster that may be attached.

    Attributes:
        chosen: The parameters of the run.
        config: The kubeconfig that leads to it.
    """

    chosen: Parameters
    config: Mapping[str, Any]

    @cached_property
    def api(self) -> Kube:
        """Its API; what is made with it would carry no mark."""
        # Holds credentials, so it is this user's alone, and goes with the process.
        folder = tempfile.TemporaryDirectory()
        atexit.register(folder.cleanup)
        file = Path(folder.name) / "kubeconfig"
        atomic.write(file, kubeconfig.text(self.config), mode=0o600)
        return Kube(file, hint=_HINT)

    @property
    def server(self) -> str:
        """The address of its API server."""
        return kubeconfig.server(self.config)

    @cached_property
    def uid(self) -> str:
        """UID of its namespace kube-system.

        Raises:
            Problem: It does not answer, or not to these credentials.
        """
        return self.api.identity()

    @cached_property
    def version(self) -> str:
        """The version of Kubernetes, such as v1.31.1."""
        return self.api.facts.version()

    @cached_property
    def nodes(self) -> list[Object]:
        """Its nodes."""
        return self.api.list(manifests.NODE)

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that would run functions."""
        return nodes.workers(self.nodes, self.chosen.target_workers, self.chosen.target_places)

    @property
    def attachment(self) -> Attachment:
        """The record that would be kept of it."""
        return Attachment(self.chosen.target_context, self.server, self.uid, owner(self.chosen))
