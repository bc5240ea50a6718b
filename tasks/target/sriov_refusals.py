"""What stands against policies for the SR-IOV network operator; nothing is written before all of it is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.settings import sriov, target_rights
from tasks.target import rights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.target.sriov_policies import Request


def against(asked: Request) -> list[str]:
    """Return what stands against the policies, one line each; what follows from the first lines is left out.

    Args:
        asked: The policies.

    Raises:
        Problem: The cluster does not answer.
    """
    for look in _LOOKS:
        if lines := [*look(asked)]:
            return lines
    return []


def consequence(asked: Request) -> str:
    """Return what the operator does to the nodes.

    Args:
        asked: The policies.
    """
    nodes = ", ".join(card.node_name for card in asked.cards)
    return f"the SR-IOV network operator drains {nodes} and may reboot them, one after the other"


def _rights(asked: Request) -> Iterator[str]:
    for phrase in rights.missing(asked.cluster.facts, target_rights.FOR_POLICIES):
        yield f"these credentials may not {phrase}: ./doit target_rbac prints the role to ask for"


def _operator(asked: Request) -> Iterator[str]:
    there = {*map(manifests.name_of, asked.cluster.list(manifests.CUSTOM_RESOURCE_DEFINITION))}
    for definition in sriov.DEFINITIONS:
        if definition not in there:
            yield f"SRIOV={sriov.POLICY}: the SR-IOV network operator is not there: it has no definition {definition}"


def _workers(asked: Request) -> Iterator[str]:
    names = sriov.PHYSICAL_FUNCTIONS
    if len(asked.workers) > len(names):
        yield (
            f"SRIOV={sriov.POLICY}: there are {len(asked.workers)} workers, but only {' and '.join(names)}: "
            f"TARGET_WORKERS=<{len(names)} nodes>"
        )
    there = {card.node_name for card in asked.cards}
    for worker in asked.workers[: len(names)]:
        if worker not in there:
            yield f"TARGET_WORKERS: {worker} is not a node of this cluster"


def _known(asked: Request) -> Iterator[str]:
    for card in asked.cards:
        if not card.state:
            yield f"{card.node_name}: the operator has no {sriov.STATE_KIND} of it: its settings select other nodes"
        elif not card.found:
            there = ", ".join(each["name"] for each in card.interfaces if each.get("name")) or "none"
            yield f"{card.parameter}: {card.node_name} has no {card.interface} that the operator knows, but {there}"


def _fit(asked: Request) -> Iterator[str]:
    for card in asked.cards:
        name, link, most = f"{card.interface} of {card.node_name}", card.link_type, card.most
        if link.lower() not in sriov.ETHERNET:
            yield f"{card.parameter}: {name} is {link}, not Ethernet"
        if most < asked.count:
            yield f"SRIOV_NUM_VFS: {asked.count}, but {name} can have {most}"
        elif card.is_external and card.functions < asked.count:
            yield f"SRIOV_NUM_VFS: {asked.count}, but {name} has {card.functions} from other hands"


def _healthy(asked: Request) -> Iterator[str]:
    for card in asked.cards:
        if card.status.get("syncStatus") == sriov.FAILED and not card.own:
            why = card.status.get("lastSyncError") or "no reason given"
            yield f"{card.node_name}: the operator has failed there already: {why}; ask those who run it"


def _others(asked: Request) -> Iterator[str]:
    for card in asked.cards:
        for policy in card.others:
            yield (
                f"{manifests.label_of(policy)}: is for {card.interface} of {card.node_name} and not ours; it is left "
                f"as it is: SRIOV={sriov.GIVEN} uses what it makes"
            )


def _prefix(asked: Request) -> Iterator[str]:
    wanted, _, name = asked.chosen.sriov_resource.partition("/")
    prefix = _operators_prefix(asked)
    if wanted != prefix:
        yield f"SRIOV_RESOURCE: the operator offers {prefix}/{name}, not {asked.chosen.sriov_resource}"


def _operators_prefix(asked: Request) -> str:
    pods = (item["spec"]["template"]["spec"] for item in asked.cluster.list(manifests.DEPLOYMENT, asked.namespace))
    variables = (each for pod in pods for container in pod["containers"] for each in container.get("env") or ())
    set_to = (each.get("value", "") for each in variables if each["name"] == sriov.PREFIX_VARIABLE)
    return next((value for value in set_to if value), sriov.PREFIX)


def _consent(asked: Request) -> Iterator[str]:
    given, wanted = asked.chosen.sriov_consent, asked.consent()
    if given != wanted:
        cards = ", ".join(f"{asked.count} functions of {card.interface} on {card.node_name}" for card in asked.cards)
        said = f"is {given}, which stands for something else" if given else "is empty"
        yield f"SRIOV_CONSENT: {said}; SRIOV_CONSENT={wanted} is your consent to {cards}: {consequence(asked)}"


_LOOKS: tuple[Callable[[Request], Iterator[str]], ...] = (
    *(_rights, _operator, _workers, _known, _fit, _healthy, _others, _prefix),
    _consent,
)
