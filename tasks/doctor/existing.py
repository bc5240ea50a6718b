"""The looks at an existing cluster, before anything is made in it: the obstacles of `target.preflight`, as findings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tasks.doctor.finding import Finding, judged
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import target
from tasks.settings.checks import FAILED, OK
from tasks.target import add_ons, candidate, preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tasks.doctor.finding import Look
    from tasks.doctor.server import Server
    from tasks.settings.parameters.model import Parameters
    from tasks.target.candidate import Candidate

_NEEDED = "an answer to TARGET_KUBECONFIG and TARGET_CONTEXT"


def _cluster(_: Server, chosen: Parameters) -> Finding:
    try:
        found = candidate.of(chosen)
        where = f"{chosen.target_context} at {found.server}: Kubernetes {found.version}, {len(found.nodes)} nodes"
        return Finding(OK, f"{where}; TARGET_UID={found.uid}", _NEEDED)
    except Problem as problem:
        return Finding(FAILED, problem.message, _NEEDED, problem.hint)


def _made(found: Candidate) -> str:
    there = [manifests.name_of(item) for item in found.api.list(manifests.NAMESPACE)]
    new = [name for name in preflight.namespaces() if name not in there]
    return f"{len(new)} namespaces ({', '.join(new)}), definitions of {target.GROUP}, daemons in {target.DAEMONS}"


def _workers(found: Candidate) -> str:
    return f"{len(found.workers)}: {', '.join(found.workers)}"


def _addons(found: Candidate) -> str:
    there = add_ons.of_others(found.api, candidate.owner(found.chosen))
    return ", ".join(f"{name} {version}" for name, version in there.items()) or "none that this tool knows"


def _version(found: Candidate) -> str:
    return found.version


def _uid(found: Candidate) -> str:
    return f"TARGET_UID={found.uid}"


def _policies(found: Candidate) -> str:
    asked = preflight.policies(found)
    return f"SRIOV_CONSENT={asked.consent()}" if asked else f"SRIOV={found.chosen.sriov}: no policy is made"


# What is shown if nothing stands against it, and what has to be so, by the name of the check.
_GOOD: Mapping[str, tuple[Callable[[Candidate], str], str]] = {
    "target-uid": (_uid, "TARGET_UID names this very cluster"),
    "target-tool": (lambda _: "not this tool", "a cluster that others made"),
    "target-owner": (lambda _: "none, or this one", "no other checkout"),
    "target-version": (_version, "a version that the tests run on"),
    "target-nodes": (_workers, f"nodes of this cluster, {target.SYSTEM}/{target.ARCHITECTURE}"),
    "target-names": (_made, f"none of these names and no definition of {target.GROUP} from others"),
    "target-security": (lambda _: "daemons are allowed", f"no level that forbids daemons in {target.DAEMONS}"),
    "target-addons": (_addons, "none of ADDONS from other hands"),
    "target-sriov": (_policies, "cards that the operator knows, no policy of others for them, and your consent"),
    "target-rights": (lambda _: "all that are needed", "the role that ./doit target_rbac prints"),
}


def _look(name: str, _: Server, chosen: Parameters) -> Finding:
    found = candidate.of(chosen)
    lines = [*preflight.LOOKS[name](found)]
    shown, needed = _GOOD[name]
    return judged(not lines, "; ".join(lines) or shown(found), needed)


LOOKS: Mapping[str, Look] = {"target-cluster": _cluster, **{name: partial(_look, name) for name in _GOOD}}
