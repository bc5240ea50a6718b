"""Kubernetes objects as data: kinds, order, content digests, and whether a live object still matches."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Object = dict[str, Any]

CONTENT = "openkasugai.dev/content"


@dataclass(frozen=True)
class Kind:
    """The kind of an object: its `apiVersion` and `kind`."""

    api_version: str
    name: str

    def __str__(self) -> str:
        """Return the kind's name, as users write it."""
        return self.name


NAMESPACE = Kind("v1", "Namespace")
NODE = Kind("v1", "Node")
POD = Kind("v1", "Pod")
EVENT = Kind("v1", "Event")
SERVICE = Kind("v1", "Service")
CONFIG_MAP = Kind("v1", "ConfigMap")
DEPLOYMENT = Kind("apps/v1", "Deployment")
DAEMON_SET = Kind("apps/v1", "DaemonSet")
CUSTOM_RESOURCE_DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")

# Objects that others need come first; workloads come last, when everything exists that they may read when they start.
_FIRST = ("Namespace", "CustomResourceDefinition")
_LAST = ("Deployment", "DaemonSet", "StatefulSet", "Job", "Pod")

# The suffix of Kubernetes' own API groups that contain a dot.
_BUILT_IN = ".k8s.io"

_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)([numkMGTP]?|[KMGTP]i)$")


def kind_of(item: Object) -> Kind:
    """Return an object's kind."""
    return Kind(item["apiVersion"], item["kind"])


def name_of(item: Object) -> str:
    """Return an object's name."""
    return str(item["metadata"]["name"])


def namespace_of(item: Object) -> str:
    """Return an object's namespace, or an empty string."""
    return str(item["metadata"].get("namespace", ""))


def label_of(item: Object) -> str:
    """Return an object's name for messages, such as "ConfigMap default/deployinfo"."""
    namespace = namespace_of(item)
    return f"{item['kind']} {namespace}/{name_of(item)}" if namespace else f"{item['kind']} {name_of(item)}"


def selector_of(workload: Object) -> str:
    """Return the label selector of the pods of a Deployment or DaemonSet; empty if it has none."""
    labels = workload.get("spec", {}).get("selector", {}).get("matchLabels", {})
    return ",".join(f"{key}={value}" for key, value in labels.items())


def load(path: Path) -> list[Object]:
    """Return the objects of a YAML file, in order.

    Raises:
        Problem: The file is not YAML, or something in it is not an object.
    """
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, origin: str) -> list[Object]:
    """Return the objects of a YAML text; `origin` names it in errors.

    Raises:
        Problem: The text is not YAML, or something in it is not an object.
    """
    found: list[Object] = json.loads(_as_json(text, origin))
    return found


# The files of a pattern are read by several tasks, and as those of its twin; YAML takes ten times as long as JSON.
@lru_cache(maxsize=128)
def _as_json(text: str, origin: str) -> str:
    import yaml

    try:
        documents = list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise Problem(f"{origin}: not YAML: {' '.join(str(error).split())}") from error
    found = [document for document in documents if document]
    for document in found:
        if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} <= document.keys():
            raise Problem(f"{origin}: holds something that is not a Kubernetes object")
    try:
        return json.dumps(found)
    except TypeError as error:
        raise Problem(f"{origin}: holds what JSON cannot: {error}") from error


def config_map(name: str, namespace: str, data: dict[str, str]) -> Object:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def namespace(name: str) -> Object:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def text(item: Object) -> str:
    """Return an object as YAML, with its fields in their order."""
    import yaml

    return yaml.safe_dump(item, sort_keys=False, default_flow_style=False)


def digest(value: Any) -> str:
    """Return a short hash of a JSON value, which does not depend on the order of keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:20]


def stamped(item: Object) -> Object:
    """Return an object as it is applied: without server-side fields, and with an annotation of its content digest."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "creationTimestamp"}
    wanted = {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}
    annotations = {**(metadata.get("annotations") or {}), CONTENT: digest(wanted)}
    return {**wanted, "metadata": {**metadata, "annotations": annotations}}


def unstamped(item: Object) -> Object:
    """Return an object without the annotation that `stamped` adds."""
    annotations = {key: value for key, value in item["metadata"]["annotations"].items() if key != CONTENT}
    return {**item, "metadata": {**item["metadata"], "annotations": annotations}}


def is_stamped(item: Object) -> bool:
    """Return whether this tool applied a live object."""
    return CONTENT in (item["metadata"].get("annotations") or {})


def waves(items: Iterable[Object]) -> Iterator[list[Object]]:
    """Yield the objects in groups; the objects of a group can be applied at the same time."""
    ordered = sorted(items, key=_rank)
    for _, wave in groupby(ordered, key=_rank):
        yield list(wave)


def is_custom(item: Object) -> bool:
    """Return whether an object's kind is a custom one that Kubernetes itself does not have."""
    group = item["apiVersion"].rpartition("/")[0]
    return "." in group and not group.endswith(_BUILT_IN)


def _rank(item: Object) -> int:
    if item["kind"] in _FIRST:
        return 0
    return 2 if item["kind"] in _LAST else 1


def fits(wanted: Any, live: Any) -> bool:
    """Return whether a live value still holds everything that is wanted.

    Servers add defaults, leave out empty values and rewrite quantities; none of this counts as a difference. Anything
    that was changed or removed by hand does.
    """
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(_member_fits(key, value, live) for key, value in wanted.items())
    if isinstance(wanted, list):
        same_length = isinstance(live, list) and len(wanted) == len(live)
        return same_length and all(map(fits, wanted, live))
    return bool(wanted == live) or _is_same_quantity(wanted, live)


def _member_fits(key: str, value: Any, live: dict[str, Any]) -> bool:
    return fits(value, live[key]) if key in live else not value


def _is_same_quantity(left: Any, right: Any) -> bool:
    amounts = [_QUANTITY.match(str(value)) for value in (left, right)]
    if not all(amounts):
        return False
    first, second = (Decimal(match[1]) * _SUFFIXES[match[2]] for match in amounts if match)
    return first == second
