"""Asks the SR-IOV network operator of an existing cluster for virtual functions, where SRIOV=policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.lack import Lack
from tasks.problems import Problem
from tasks.settings import parameters, sriov
from tasks.target import candidate, choice, sriov_refusals, sriov_states
from tasks.target.sriov_policies import Request

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters


def lack() -> Lack:
    """Return which functions are not asked for, made or offered yet, or what stands against asking."""
    chosen = parameters.current()
    if chosen.sriov != sriov.POLICY:
        return lacks.NOTHING
    asked = _asked(chosen)
    if against := sriov_refusals.against(asked):
        return lacks.obstacle(*against)
    unasked = asked.cluster.lack(asked.objects())
    disrupts = (f"what runs there: {sriov_refusals.consequence(asked)}",) if unasked else ()
    return unasked + Lack(tuple(sriov_states.lacking(asked)), disrupts=disrupts)


def make() -> None:
    """Apply the policies, and wait until the operator has made the functions and the nodes offer them.

    Raises:
        Problem: Something stands against it, and nothing was written; or the operator fails, or is not done in time.
    """
    chosen = parameters.current()
    if chosen.sriov != sriov.POLICY:
        return
    asked = _asked(chosen)
    if against := sriov_refusals.against(asked):
        raise Problem("\n".join(against), hint="./doit doctor --for attach")
    before = sriov_states.seen(asked)
    made = asked.cluster.apply(asked.objects())
    progress.line(f"SR-IOV: {len(made.changed)} policies applied, {made.unchanged} were as they should be")
    sriov_states.await_made(asked, before if made.changed else {})


def _asked(chosen: Parameters) -> Request:
    there = choice.of(chosen)
    return Request(there.api, there.workers, chosen, candidate.owner(chosen))
