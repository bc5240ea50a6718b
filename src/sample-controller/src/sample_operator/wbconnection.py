"""The WBConnection controller: the custom resource of a connection between two functions."""

from __future__ import annotations

import logging

from . import names
from .api import (
    Api,
    Body,
    ensure_owned,
    has_finalizer,
    is_deleting,
    owned_by,
    status_of,
    with_finalizer,
    without_finalizer,
)
from .context import AT_ONCE, LATER, SOON, Context, Delay, Role, config_json

log = logging.getLogger(__name__)


def read_kinds(context: Context) -> Context:
    """Read once which kind of connection each method needs."""
    kinds = {
        each["connectionMethod"]: each["connectionCRKind"] for each in config_json(context.api, "connectionkindmap")
    }
    return Context(context.api, context.node, kinds)


def reconcile(context: Context, namespace: str, name: str) -> Delay:
    """Move a WBConnection one status further."""
    connection = context.api.get("wbconnections", namespace, name)
    if connection is None:
        return None
    kind = context.kinds.get(connection["spec"]["connectionMethod"])
    if kind is None:
        log.error("WBConnection %s: no kind for method %s", name, connection["spec"]["connectionMethod"])
        return None
    if is_deleting(connection):
        return _release(context.api, kind, connection)
    if not has_finalizer(connection):
        return _create(context.api, kind, connection)
    if status_of(connection) == names.WAITING:
        child = context.api.get(names.plural(kind), namespace, name)
        if child is None or status_of(child) != names.RUNNING:
            return SOON
        context.api.patch("wbconnections", namespace, name, {"status": {"status": names.DEPLOYED}})
    return None


def touches_outside(spec: Body) -> bool:
    """Return whether a connection leads into or out of the chain, where nothing has to be connected."""
    ends: list[str] = [spec[side]["wbFunctionRef"]["name"] for side in ("from", "to")]
    return ends[0].startswith(names.START_OF_CHAIN) or ends[1].startswith(names.END_OF_CHAIN)


def connection_body(kind: str, connection: Body) -> Body:
    """Return the EthernetConnection (or other kind) of a WBConnection."""
    spec = connection["spec"]
    ends = {side: {"wbFunctionRef": spec[side]["wbFunctionRef"]} for side in ("from", "to")}
    return {
        "apiVersion": names.GROUP_VERSION,
        "kind": kind,
        "metadata": owned_by(connection, connection["metadata"]["name"]),
        "spec": {"dataFlowRef": spec["dataFlowRef"], **ends},
    }


def _create(api: Api, kind: str, connection: Body) -> Delay:
    outside = touches_outside(connection["spec"])
    if not outside and not ensure_owned(api, names.plural(kind), connection_body(kind, connection)):
        return LATER
    status = {"status": names.DEPLOYED if outside else names.WAITING, **connection["spec"]}
    metadata = connection["metadata"]
    patch = {"metadata": with_finalizer(connection), "status": status}
    api.patch("wbconnections", metadata["namespace"], metadata["name"], patch)
    return AT_ONCE


def _release(api: Api, kind: str, connection: Body) -> Delay:
    if not has_finalizer(connection):
        return None
    metadata = connection["metadata"]
    child = api.get(names.plural(kind), metadata["namespace"], metadata["name"])
    if child is None:
        patch = {"metadata": without_finalizer(connection), "status": {"status": names.RELEASED}}
        api.patch("wbconnections", metadata["namespace"], metadata["name"], patch)
        return None
    if not is_deleting(child):
        api.delete(names.plural(kind), metadata["namespace"], metadata["name"])
        api.patch("wbconnections", metadata["namespace"], metadata["name"], {"status": {"status": names.TERMINATING}})
    return SOON


ROLE = Role(prepare=read_kinds, reconcilers={"wbconnections": reconcile})
