"""Who deployed a DataFlow, and from which files.

It was the user, or a run that verifies all patterns and may take it away again. The controller reads what a DataFlow
refers to only when it deploys it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.controller.kinds import DATA_FLOW

if TYPE_CHECKING:
    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object

_MARK = "openkasugai.dev/deployed-by"
_SERIES = "all-patterns"
_FILES = "openkasugai.dev/deployed-from"


def is_of_series(live: Object) -> bool:
    """Return whether a run that verifies all patterns deployed a DataFlow; any other is the user's."""
    return bool(live["metadata"].get("annotations", {}).get(_MARK) == _SERIES)


def is_of_other_files(flow: Flow, live: Object) -> bool:
    """Return whether the files of a pattern have changed since this tool deployed its DataFlow.

    Args:
        flow: The dataflow of the pattern.
        live: The DataFlow; one that was deployed by hand is taken as it is.
    """
    noted = live["metadata"].get("annotations", {}).get(_FILES)
    return bool(noted) and noted != flow.scenario.digest


def note_files(flow: Flow) -> None:
    """Note from which files a dataflow has been deployed."""
    _annotate(flow, _FILES, flow.scenario.digest)


def give_to_series(flow: Flow) -> None:
    """Let a later run that verifies all patterns take a dataflow away, if it is there."""
    _annotate(flow, _MARK, _SERIES)


def give_to_user(flow: Flow) -> None:
    """Keep a dataflow from being taken away, if it is there: from now on it is the user's."""
    live = flow.live()
    if live and is_of_series(live):
        _annotate(flow, _MARK, None)


def _annotate(flow: Flow, name: str, word: str | None) -> None:
    if flow.live():
        flow.cluster.patch(DATA_FLOW, flow.name, flow.namespace, {"metadata": {"annotations": {name: word}}})
