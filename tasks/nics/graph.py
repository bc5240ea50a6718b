"""The server's SR-IOV network cards.

create_cluster -> nics:<worker> -> _virtual_functions      _enough_functions:<pattern>, before anything is lent
                                                           nics_restore (also the first step of delete_cluster)
                                                           nics_status
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Root
from tasks.runner.later import later
from tasks.runner.meta import DISRUPTS, ROOT
from tasks.runner.reporter import QUERY
from tasks.settings.nics import WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.host import namespaces
    from tasks.nics import cards
else:
    namespaces = later("tasks.engines.host.namespaces")
    cards = later("tasks.nics.cards")

_AS_JSON = {"name": "as_json", "long": "json", "type": bool, "default": False, "help": "show a JSON list"}


_LOST = "the network card of the worker: the host loses it, unless it is emulated"
# What giving back needs root for, also before a cluster is deleted.
RETURN = Root("giving back the network cards", Current(cards.lack_of_return_as_root), namespaces.is_granted)


def task_nics() -> Iterator[dict[str, Any]]:
    """Lend the server's SR-IOV cards to the workers (`nics:<worker>`)."""
    yield {"name": None, "doc": "Lend the server's SR-IOV cards to the workers (`nics:<worker>`)."}
    for row in WORKERS:
        yield {
            "name": row.task,
            "doc": f"Lend the card {row.interface} with its virtual functions to {row.task}.",
            "actions": [Do(cards.lend, row.task)],
            "task_dep": ["create_cluster"],
            "setup": [f"_doctor:{row.target}"],
            "uptodate": [Current(cards.lack, row.task)],
            "meta": {DISRUPTS: _LOST, ROOT: (_lending(row.task),)},
        }


def _lending(task: str) -> Root:
    return Root(f"the network card of {task}", Current(cards.lack_as_root, task), namespaces.is_granted)


def task__virtual_functions() -> dict[str, Any]:
    """Wait until the device plugin offers the virtual functions to pods."""
    return {"actions": [Do(cards.await_allocatable)], "task_dep": ["nics"]}


def task_nics_restore() -> dict[str, Any]:
    """Give the network cards back to the host, as they were."""
    return {
        "actions": [Do(cards.give_back)],
        "uptodate": [Current(cards.lack_of_return)],
        "meta": {DISRUPTS: "dataflows on SR-IOV: the workers lose their network cards", ROOT: (RETURN,)},
    }


def task_nics_status() -> dict[str, Any]:
    """Show where each card and virtual function is (--json for programs)."""
    return {"actions": [Do(cards.status)], "params": [_AS_JSON], "io": {"capture": False}, "meta": {QUERY: True}}
