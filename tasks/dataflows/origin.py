"""Who deployed a DataFlow: the user, or a run that verifies all patterns and may take it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.controller.kinds import DATA_FLOW

if TYPE_CHECKING:
    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object

_MARK = "openkasugai.dev/deployed-by"
_SERIES = "all-patterns"


def is_of_series(live: Object) -> bool:
    """Return whether a run that verifies all patterns deployed a DataFlow; any other is the user's."""
    return bool(live["metadata"].get("annotations", {}).get(_MARK) == _SERIES)


def give_to_series(flow: Flow) -> None:
    """Let a later run that verifies all patterns take a dataflow away, if it is there."""
    _mark(flow, _SERIES)


def give_to_user(flow: Flow) -> None:
    """Keep a dataflow from being taken away, if it is there: from now on it is the user's."""
    live = flow.live()
    if live and is_of_series(live):
        _mark(flow, None)


def _mark(flow: Flow, word: str | None) -> None:
    if flow.live():
        flow.cluster.patch(DATA_FLOW, flow.name, flow.namespace, {"metadata": {"annotations": {_MARK: word}}})
