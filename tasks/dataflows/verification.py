"""Verifies a deployed dataflow with what it is made for, and says how to do the same by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.dataflows import addresses, by_hand, traffic, values, video
from tasks.dataflows import flow as flows
from tasks.engines.media import user_videos
from tasks.settings import parameters

if TYPE_CHECKING:
    from tasks.dataflows.flow import Flow
    from tasks.settings.parameters.model import Parameters


def verify(name: str) -> None:
    """Verify a deployed dataflow, unless VERIFY=no: one whose pattern has a client with values, others with videos.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: It does not answer, or answers wrongly.
    """
    chosen = parameters.current()
    flow = flows.of(name, chosen).sending(chosen.inputs)
    if chosen.verify == "no":
        progress.line(f"{flow.name} is deployed; VERIFY=no: nothing is sent")
    commands = (_with_values if flow.pattern.client else _with_videos)(flow, chosen)
    progress.line("\n".join(["By hand:", *(f"  {command}" for command in commands)]))


def _with_values(flow: Flow, chosen: Parameters) -> list[str]:
    if chosen.verify == "yes":
        values.verify(flow, traffic.pf_counters(flow.pattern, chosen))
    return by_hand.calcapp(flow, flow.pods())


def _with_videos(flow: Flow, chosen: Parameters) -> list[str]:
    pods = flow.pods()
    if chosen.verify == "yes":
        video.verify(flow, chosen.video, traffic.pf_counters(flow.pattern, chosen))
    else:
        video.receiver_of(flow, pods).ensure()
    folder = user_videos.here()
    any_video = next(iter(folder.find(chosen.video).files), folder.made)
    return by_hand.videos(flow, pods, addresses.entrance(flow, pods), folder.place_in_pod(any_video))
