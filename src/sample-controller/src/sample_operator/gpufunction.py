"""The GPUFunction daemon: runs the pods of the functions on its node's GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import Body

from . import names
from .context import Role
from .functions import Runner


def gpu_of(function: Body) -> str:
    """Return the UUID of the GPU that a function runs on."""
    uuid: str = function["spec"]["acceleratorIDs"][0]["id"]
    return uuid


RUNNER = Runner(
    kind="GPUFunction",
    device="gpu",
    # As in the real controller, no configuration fits: a GPU function at the start of a chain waits.
    first_protocol="",
    pod=lambda function: names.gpu_pod(function["metadata"]["name"], gpu_of(function)),
    variables=lambda function: {"CUDA_VISIBLE_DEVICES": gpu_of(function)},
)
ROLE = Role(prepare=lambda context: context, reconcilers={RUNNER.resource: RUNNER.reconcile})
