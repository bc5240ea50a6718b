"""How far the SR-IOV network operator is with the policies: its NodeStates, and what the nodes offer then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import nics, sriov
from tasks.target import sriov_policies
from tasks.target.sriov_policies import STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.engines.kube.manifests import Object
    from tasks.target.sriov_policies import Card, Request

    States = dict[str, Object]


def seen(asked: Request) -> States:
    """Return the NodeState of each worker, as it is now.

    Args:
        asked: The policies.
    """
    nodes = [card.node_name for card in asked.cards]
    return {node: asked.cluster.get(STATE, node, asked.namespace) or {} for node in nodes}


def lacking(asked: Request) -> list[str]:
    """Return what is not made or not offered yet, one line each.

    Args:
        asked: The policies.
    """
    return [*_unmade(asked, seen(asked)), *_unoffered(asked, _offers(asked))]


def await_made(asked: Request, before: Mapping[str, Object]) -> None:
    """Wait until the operator has made the functions, and the nodes offer them.

    Args:
        asked: The policies.
        before: The NodeStates as they were before the policies changed: such a failure is not of these policies.

    Raises:
        Problem: The operator fails, or is not done within SRIOV_DEADLINE; a node does not offer the functions.
    """

    def is_made(found: States) -> bool:
        for node, state in found.items():
            if _status(state) != _status(before.get(node, {})):
                _refuse_failure(asked, node, state)
        return not _unmade(asked, found)

    waiting.Condition(
        "SR-IOV network operator: virtual functions",
        lambda: seen(asked),
        is_made,
        describe=lambda found: "; ".join(_unmade(asked, found)),
    ).wait(asked.chosen.sriov_deadline, explain=lambda: _evidence(asked), hint=_hint(asked, sriov.STATES))
    waiting.Condition(
        f"allocatable {asked.chosen.sriov_resource}",
        lambda: _offers(asked),
        lambda found: not _unoffered(asked, found),
        describe=lambda found: "; ".join(_unoffered(asked, found)),
    ).wait(nics.ALLOCATABLE_DEADLINE, hint=f"./doit kubectl -n {asked.namespace} get pods -o wide")


def _refuse_failure(asked: Request, node: str, state: Object) -> None:
    status = _status(state)
    if _is_taken_up(asked, node, state) and status.get("syncStatus") == sriov.FAILED:
        why = status.get("lastSyncError") or "no reason given"
        raise Problem(
            f"{sriov.STATE_KIND} {asked.namespace}/{node}: {sriov.FAILED}: {why}",
            hint=_hint(asked, f"{sriov.STATES} {node}"),
            details=_evidence(asked),
        )


def _unmade(asked: Request, found: Mapping[str, Object]) -> list[str]:
    phrases = {card.node_name: _phrase(asked, card, found[card.node_name]) for card in asked.cards}
    return [f"{node}: {phrase}" for node, phrase in phrases.items() if phrase]


def _phrase(asked: Request, card: Card, state: Object) -> str:
    """Return what is lacking on a node; empty once its functions are made."""
    status = _status(state)
    if not _is_taken_up(asked, card.node_name, state):
        return "the operator has not taken up the policy yet"
    if status.get("syncStatus") != sriov.SUCCEEDED:
        return _unfinished(state)
    there: Object = next((each for each in status.get("interfaces") or () if each.get("name") == card.interface), {})
    made = int(there.get("numVfs", 0))
    # More than are asked for are from other hands, or of an earlier policy, whose functions still have to go.
    is_made = made >= asked.count if card.is_external else made == asked.count
    return "" if is_made else f"{made} of {asked.count} functions of {card.interface}"


def _unfinished(state: Object) -> str:
    """Return what the operator says of a node on which it is not done."""
    status, notes = _status(state), state["metadata"].get("annotations") or {}
    steps = [notes[key] for key in (sriov.DESIRED, sriov.CURRENT) if notes.get(key, sriov.IDLE) != sriov.IDLE]
    words = [status.get("syncStatus") or "no status yet", *steps, status.get("lastSyncError") or ""]
    return ", ".join(word for word in words if word)


def _is_taken_up(asked: Request, node: str, state: Object) -> bool:
    """Return whether the operator asks for what our policy for a node says, in its NodeState."""
    wanted = (sriov_policies.name(node), asked.resource, asked.count)
    listed = (state.get("spec") or {}).get("interfaces") or ()
    return wanted in {
        (group.get("policyName"), group.get("resourceName"), each.get("numVfs"))
        for each in listed
        for group in each.get("vfGroups") or ()
    }


def _status(state: Object) -> Object:
    return state.get("status") or {}


def _offers(asked: Request) -> dict[str, int]:
    nodes = {manifests.name_of(node): node for node in asked.cluster.list(manifests.NODE)}
    resource = asked.chosen.sriov_resource
    return {card.node_name: kube_state.allocatable(nodes[card.node_name], resource) for card in asked.cards}


def _unoffered(asked: Request, found: Mapping[str, int]) -> list[str]:
    what = asked.chosen.sriov_resource
    return [f"{node}: {count} of {asked.count} {what}" for node, count in found.items() if count < asked.count]


def _evidence(asked: Request) -> str:
    return asked.cluster.evidence(asked.namespace, f"app={sriov.DAEMON}")


def _hint(asked: Request, what: str) -> str:
    return f"./doit kubectl -n {asked.namespace} describe {what}"
