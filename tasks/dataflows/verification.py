"""Verifies a deployed dataflow with all that its pattern names, in order, and says how to do the same by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.dataflows import addresses, by_hand, commands, log_lines, stand_ins, traffic, values, video
from tasks.dataflows import flow as flows
from tasks.dataflows.findings import Findings
from tasks.engines.media import user_videos
from tasks.settings import parameters
from tasks.settings.parameters import target_rules
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.settings.parameters.model import Parameters


@dataclass(frozen=True)
class Work:
    """What the checks work with.

    Attributes:
        flow: The dataflow, with the inputs to send.
        pods: The pods of its functions, by key.
        chosen: The parameters.
        findings: Keeps what the checks of log lines and of commands find.
    """

    flow: Flow
    pods: Mapping[str, Object]
    chosen: Parameters
    findings: Findings


@dataclass(frozen=True)
class Kind:
    """A kind of check.

    Attributes:
        verify: Does it; a Problem says what is wrong.
        by_hand: Returns the commands that do the same.
        leave: Does what is needed where it is not done.
    """

    verify: Callable[[Work], None]
    by_hand: Callable[[Work], list[str]]
    leave: Callable[[Work], None] = lambda _: None


def verify(name: str) -> None:
    """Verify a deployed dataflow with what its pattern names, unless VERIFY=no, and name the commands for it.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: It does not pass a check; those after it are not done.
    """
    chosen = parameters.current()
    verify_flow(flows.of(name, chosen), chosen)


def verify_flow(deployed: Flow, chosen: Parameters) -> None:
    """Do the same with a dataflow.

    Args:
        deployed: A deployed dataflow, with the inputs of its pattern.
        chosen: The parameters.

    Raises:
        Problem: It does not pass a check; those after it are not done.
    """
    _name_unused(deployed, chosen)
    flow = deployed.sending(chosen.inputs)
    work = Work(flow, flow.pods(), chosen, Findings(flow))
    kinds = [KINDS[kind] for kind in flow.pattern.verification.kinds]
    if place := target_rules.title(chosen):
        progress.line(f"{flow.name} runs on the {place}")
    if chosen.verify == "no":
        progress.line(f"{flow.name} is deployed; VERIFY=no: nothing is sent or run")
    elif not kinds:
        said = "nothing is verified but that it is Deployed and Ready"
        progress.line(f"{flow.name}: {said}; {stand_ins.phrase(flow.stood_in)}")
    for kind in kinds:
        (kind.leave if chosen.verify == "no" else kind.verify)(work)
    lines = [f"  {command}" for kind in kinds for command in kind.by_hand(work)]
    if lines:
        progress.line("\n".join(["By hand:", *lines]))


def _name_unused(flow: Flow, chosen: Parameters) -> None:
    """Say that INPUTS is not sent where numbers are expected, which hold for the pattern's own inputs only."""
    asked = flow.pattern.verification.values
    if asked and asked.has_numbers and chosen.inputs not in ((), asked.inputs):
        progress.line(
            f"{flow.name}: INPUTS is not used: the numbers that {flow.pattern.file} expects are for "
            f"{' '.join(asked.inputs)}"
        )


def _verify_values(work: Work) -> None:
    values.verify(work.flow, traffic.pf_counters(work.flow.pattern, work.chosen))


def _verify_video(work: Work) -> None:
    pfs = traffic.pf_counters(work.flow.pattern, work.chosen)
    video.verify(work.flow, work.chosen.video, pfs, choice.of(work.chosen).videos)


def _send_video(work: Work) -> list[str]:
    folder = user_videos.here()
    any_video = next(iter(folder.find(work.chosen.video).files), folder.made)
    host = addresses.entrance(work.flow, work.pods)
    return by_hand.videos(work.flow, work.pods, host, folder.place_in_pod(any_video))


def _show_logs(work: Work) -> list[str]:
    keys = dict.fromkeys(each.function for each in work.flow.pattern.verification.log)
    return [by_hand.log(work.flow, work.pods[key]) for key in keys]


def _run_commands(work: Work) -> list[str]:
    asked = work.flow.pattern.verification.commands
    return [by_hand.command(work.flow, work.pods[each.function], each.run) for each in asked]


# By the name that `Verification` has for them.
KINDS = {
    "values": Kind(_verify_values, lambda work: by_hand.values(work.flow, work.pods)),
    "video": Kind(_verify_video, _send_video, lambda work: video.receiver_of(work.flow, work.pods).ensure()),
    "log": Kind(lambda work: log_lines.verify(work.flow, work.pods, work.findings), _show_logs),
    "commands": Kind(lambda work: commands.verify(work.flow, work.pods, work.findings), _run_commands),
}
