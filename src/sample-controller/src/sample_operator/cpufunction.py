"""The CPUFunction daemon: runs the pods of the functions on its node's CPU."""

from __future__ import annotations

from . import names
from .context import Role
from .functions import Runner

RUNNER = Runner(
    kind="CPUFunction",
    device="cpu",
    first_protocol="RTP",
    pod=lambda function: names.cpu_pod(function["metadata"]["name"]),
)
ROLE = Role(prepare=lambda context: context, reconcilers={RUNNER.resource: RUNNER.reconcile})
