"""The types of GPUs that the archive does not list: the controller is told of them as of those that it lists.

A function names the types that it runs on, and WBFunction looks up the kind of function for a type. A type that
neither has would never get a function. The archive's own entries stay.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.controller import inventory
from tasks.controller.kinds import GPU_FUNCTION
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tasks.controller.inventory import Models
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.target.devices import Worker

KIND_MAP = controller.REQUIRED_CONFIGURATION["functionkindmap"]
_ITEMS = "deployableItems"
_TYPE, _KIND, _REGION = "deviceType", "functionCRKind", "regionType"


def of(workers: Iterable[Worker], known: Models) -> tuple[str, ...]:
    """Return the types of the workers' GPUs.

    Args:
        workers: The workers and their devices.
        known: What the archive says about models.
    """
    return tuple(sorted({known.type_of_gpu(gpu.model) for worker in workers for gpu in worker.gpus}))


def offered(cluster: Kube) -> tuple[str, ...]:
    """Return the types of regions that GPUs offer, by the cluster's inventory.

    Args:
        cluster: The API.
    """
    found = cluster.get(manifests.CONFIG_MAP, inventory.OFFERED, inventory.NAMESPACE) or {}
    gpus = [device for device in inventory.devices(found) if inventory.is_gpu(device)]
    return tuple(sorted({each[_REGION] for gpu in gpus for each in gpu.get("functionTargets") or []}))


def listed() -> frozenset[str]:
    """Return the types whose functions are those of a GPU, by the archive.

    Raises:
        Problem: Its list does not have the expected form.
    """
    rows = inventory.rows(paths.source() / controller.JSON / KIND_MAP, (_TYPE, _KIND))
    return frozenset(str(row[_TYPE]) for row in rows if row[_KIND] == GPU_FUNCTION.name)


def kind_map(text: str, types: Collection[str]) -> str:
    """Return the list of the kinds of functions with more types of GPUs.

    Args:
        text: The archive's list, as JSON.
        types: The types; those that the archive lists are left out.
    """
    added = sorted(set(types) - listed())
    if not added:
        return text
    rows = [*json.loads(text), *({_TYPE: each, _KIND: GPU_FUNCTION.name} for each in added)]
    return json.dumps(rows, indent=2)


def with_types(item: Object, types: Collection[str]) -> Object:
    """Return what says where a function can run, with more types of GPUs if it can run on one at all.

    Args:
        item: A ConfigMap; another than such a one is returned as it is.
        types: The types.

    Raises:
        Problem: Its list does not have the expected form.
    """
    if not types:
        return item
    items = _items(item)
    named, on_any = {each[_REGION] for each in items}, listed()
    on_gpu = [each for each in items if each[_REGION] in on_any]
    added = [{**each, "name": kind, _REGION: kind} for each in on_gpu[:1] for kind in sorted(set(types) - named)]
    return {**item, "data": {**item["data"], _ITEMS: json.dumps([*items, *added], indent=2)}} if added else item


def regions(item: Object) -> frozenset[str]:
    """Return the types of regions that a function can run on; none if a ConfigMap does not say so of any.

    Args:
        item: A ConfigMap.

    Raises:
        Problem: Its list does not have the expected form.
    """
    return frozenset(str(each[_REGION]) for each in _items(item))


def _items(item: Object) -> list[dict[str, Any]]:
    text = item.get("data", {}).get(_ITEMS, "[]")
    try:
        found: list[dict[str, Any]] = json.loads(text)
        complete = all(_REGION in each for each in found)
    except (ValueError, TypeError) as error:
        raise Problem(f"{manifests.label_of(item)}: {_ITEMS}: expected a list with {_REGION}: {error}") from error
    if not complete:
        raise Problem(f"{manifests.label_of(item)}: {_ITEMS}: expected a list with {_REGION} in each entry")
    return found
