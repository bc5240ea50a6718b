"""Verifies every pattern that can run here, one after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.controller.kinds import DATA_FLOW
from tasks.dataflows import deployment, origin, room, series, verification
from tasks.dataflows import flow as flows
from tasks.dataflows.series import CANNOT_RUN, FAILED, NOT_REACHED, NOT_RUN, VERIFIED, Outcome, Series, Standing
from tasks.dataflows.stand_ins import stand_ins
from tasks.engines.kube import access
from tasks.engines.programs import waiting
from tasks.patterns import known
from tasks.problems import Problem
from tasks.scenarios import needs
from tasks.settings import parameters, paths
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.dataflows.flow import Flow
    from tasks.dataflows.room import Offer, Shortage
    from tasks.engines.kube.api import Kube
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

DEPLOYED = "deployed"
_RESULTS = (VERIFIED, DEPLOYED, FAILED, NOT_RUN, CANNOT_RUN)
# Seconds until the controller has counted what was taken away.
_COUNTED = 15.0


def verify() -> None:
    """Verify every pattern that can run here, and show a table of the results, also if it is interrupted.

    Raises:
        Problem: There is no cluster, no pattern can run, or some were not verified; the others have been tried.
    """
    chosen = parameters.current()
    verify_those_that_lack_nothing(access.cluster(chosen.cluster_name), chosen, _missing(chosen))


def verify_those_that_lack_nothing(cluster: Kube, chosen: Parameters, missing: Mapping[str, str]) -> None:
    """Verify the patterns, say what the others lack, and show a table of all.

    Args:
        cluster: The API.
        chosen: The parameters.
        missing: What patterns lack, by name.

    Raises:
        Problem: No pattern can run, or some were not verified.
    """
    for line in _told(missing):
        progress.line(line)
    names = [name for name in known.table().by_name if name not in missing]
    outcomes = {name: Outcome(name, CANNOT_RUN, found) for name, found in missing.items()}
    outcomes |= {name: Outcome(name, NOT_REACHED) for name in names}
    run = Series(_Cluster(cluster, chosen), names, standing(cluster))
    try:
        for outcome in run.outcomes():
            outcomes[outcome.name] = worded(outcome, chosen)
    finally:
        progress.line(f"\n{series.table([*outcomes.values()], partial(stand_ins, chosen=chosen))}")
        for dataflow, name in run.owed.items():
            progress.line(f"{dataflow} is not as it was before; ./doit dataflow:{name} deploys it again")
    _judge([*outcomes.values()])


def worded(outcome: Outcome, chosen: Parameters) -> Outcome:
    """Return an outcome that claims no more than was done: nothing with VERIFY=no, nor where no check is named.

    Args:
        outcome: What came of a pattern.
        chosen: The parameters.
    """
    is_done = outcome.result != VERIFIED or (chosen.verify == "yes" and known.named(outcome.name).verification.kinds)
    return outcome if is_done else replace(outcome, result=DEPLOYED)


def _judge(outcomes: Sequence[Outcome]) -> None:
    """Say how many patterns there are of each result.

    Raises:
        Problem: One failed, or was not run for want of room, or none can run.
    """
    by_result = {word: [one.name for one in outcomes if one.result == word] for word in _RESULTS}
    counts = [f"{len(names)} {word}" for word, names in by_result.items() if names]
    progress.line(f"{', '.join(counts)}, of {len(outcomes)} patterns")
    bad = {word: by_result[word] for word in (FAILED, NOT_RUN) if by_result[word]}
    if bad:
        told = "; ".join(f"{word}: {', '.join(names)}" for word, names in bad.items())
        raise Problem(told, hint=f"./doit dataflow:{next(iter(bad.values()))[0]}")
    if len(by_result[CANNOT_RUN]) == len(outcomes):
        raise Problem("no pattern can run here", hint="./doit doctor --for create_cluster")


def lack() -> Lack:
    """Return what a run would verify, and what each other pattern lacks: it always has something to do.

    Raises:
        Problem: The controller's source is not unpacked yet, so this is not known.
    """
    if not paths.source().is_dir():
        raise Problem("which patterns can run is known when the controller's source is there")
    missing = _missing(parameters.current())
    names = [name for name in known.table().by_name if name not in missing]
    return lacks.of(
        f"verifies {len(names)} of {len(names) + len(missing)} patterns: {', '.join(names) or 'none'}",
        *_told(missing),
    )


def _missing(chosen: Parameters) -> dict[str, str]:
    found: Mapping[str, Sequence[str]] = needs.choice(needs.machine(chosen))["missing"]
    return {name: "; ".join(phrases) for name, phrases in found.items()}


def _told(missing: Mapping[str, str]) -> list[str]:
    """Return what patterns lack, one line for those that lack the same."""
    alike: dict[str, list[str]] = {}
    for name, found in missing.items():
        alike.setdefault(found, []).append(name)
    return [f"{', '.join(names)}: cannot run here: {found}" for found, names in alike.items()]


def standing(cluster: Kube) -> list[Standing]:
    """Return the DataFlows of patterns that are in a cluster, the oldest first.

    Args:
        cluster: The API.
    """
    oldest = sorted(cluster.list(DATA_FLOW), key=lambda item: str(item["metadata"].get("creationTimestamp", "")))
    named = [(known.of_data_flow(item), not origin.is_of_series(item)) for item in oldest]
    return [Standing(pattern.name, is_users=is_users) for pattern, is_users in named if pattern]


@dataclass(frozen=True)
class _Cluster:
    """The cluster that a series takes place in.

    Attributes:
        api: Its API.
        chosen: The parameters.
    """

    api: Kube
    chosen: Parameters

    def make_way(self, name: str) -> bool:
        return deployment.make_way(self._flow(name))

    def shortages(self, name: str) -> list[str]:
        return [str(shortage) for shortage in self._shortages(name)]

    def frees(self, other: str, name: str) -> bool:
        offers: list[Offer] = [shortage.offer for shortage in self._shortages(name)]
        return any(room.needed(known.named(other), self._workers, offer) for offer in offers)

    def take_away(self, name: str) -> None:
        deployment.take_away(self._flow(name))

    def settled(self, name: str) -> list[str]:
        try:
            waiting.until(f"room for {name}", lambda: self._shortages(name), lambda short: not short, deadline=_COUNTED)
        except Problem:
            return self.shortages(name)
        return []

    def deploy(self, name: str, *, for_user: bool) -> None:
        if known.named(name).vfs:
            choice.of(self.chosen).settle_functions()
        try:
            deployment.deploy(name)
        finally:
            if not for_user:
                origin.give_to_series(self._flow(name))

    def verify(self, name: str) -> None:
        verification.verify(name)

    @property
    def _workers(self) -> tuple[str, ...]:
        return choice.of(self.chosen).workers

    def _flow(self, name: str) -> Flow:
        return flows.of(name, self.chosen)

    def _offers(self) -> list[Offer]:
        return room.offers(self.api, self.chosen.sriov_resource)

    def _shortages(self, name: str) -> list[Shortage]:
        return room.shortages(known.named(name), self._workers, self._offers())
