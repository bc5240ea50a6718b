"""A client for the few verbs of the Kubernetes API that the controllers need, on the standard library."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

from .names import GROUP_VERSION, finalizer

Body = dict[str, Any]

_CORE = {"configmaps", "pods", "services"}
# The other kinds have no /status endpoint: their status is part of the object itself.
_STATUS_ENDPOINT = {"dataflows", "functionchains", "functiontypes", "functiontargets", "schedulingdata"}
_TIMEOUT_SECONDS = 30
_UNAUTHORIZED, _NOT_FOUND, _CONFLICT = 401, 404, 409


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, code: int, message: str) -> None:
        """Keep the HTTP status beside the message."""
        super().__init__(message)
        self.code = code


class Api:
    """A client of the cluster that ``login`` leads to."""

    def __init__(self, login: Callable[[], Any]) -> None:
        """Log in.

        Args:
            login: returns a kopf ConnectionInfo; called again when its token is no longer accepted.
        """
        self._login = login
        self._connect()

    def _connect(self) -> None:
        self._info = self._login()
        self._context = _ssl_context(self._info)

    def get(self, resource: str, namespace: str, name: str) -> Body | None:
        """Read one object.

        Returns:
            The object, or None if there is none of that name.
        """
        try:
            return self._request("GET", _path(resource, namespace, name))
        except ApiError as error:
            if error.code == _NOT_FOUND:
                return None
            raise

    def list(self, resource: str) -> list[Body]:
        """Read the objects of a kind in all namespaces."""
        items: list[Body] = self._request("GET", _path(resource))["items"]
        return items

    def create(self, resource: str, body: Body) -> bool:
        """Create an object.

        Returns:
            False if an object of that name exists already.
        """
        try:
            self._request("POST", _path(resource, body["metadata"]["namespace"]), body)
        except ApiError as error:
            if error.code == _CONFLICT:
                return False
            raise
        return True

    def patch(self, resource: str, namespace: str, name: str, body: Body) -> None:
        """Merge a body into an object; its ``status`` goes to the status endpoint if the kind has one."""
        status = {"status": body["status"]} if resource in _STATUS_ENDPOINT and "status" in body else {}
        rest = {key: value for key, value in body.items() if key not in status}
        if rest:
            self._request("PATCH", _path(resource, namespace, name), rest)
        if status:
            self._request("PATCH", _path(resource, namespace, name, "status"), status)

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Request an object's deletion; an object that is gone is no error."""
        try:
            self._request("DELETE", _path(resource, namespace, name))
        except ApiError as error:
            if error.code != _NOT_FOUND:
                raise

    def _request(self, method: str, path: str, body: Body | None = None) -> Body:
        try:
            return self._send(method, path, body)
        except ApiError as error:
            if error.code != _UNAUTHORIZED:
                raise
        self._connect()
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: Body | None) -> Body:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(  # noqa: S310 - the server of a kubeconfig, always https
            self._info.server.rstrip("/") + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": kind, "Accept": "application/json"},
        )
        if self._info.token:
            request.add_header("Authorization", f"Bearer {self._info.token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=self._context) as answer:  # noqa: S310
                result: Body = json.load(answer)
                return result
        except urllib.error.HTTPError as error:
            raise ApiError(
                error.code, f"{method} {path}: {error.code} {error.read().decode(errors='replace')}"
            ) from error


def _path(resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    root = "/api/v1" if resource in _CORE else f"/apis/{GROUP_VERSION}"
    scope = f"/namespaces/{namespace}" if namespace else ""
    tail = "".join(f"/{urllib.parse.quote(part)}" for part in (resource, name, subresource) if part)
    return root + scope + tail


def _pem(data: str | bytes) -> str:
    text = data.decode() if isinstance(data, bytes) else data
    return text if text.startswith("-----BEGIN") else base64.b64decode(text).decode()


def _ssl_context(info: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=info.ca_path, cadata=_pem(info.ca_data) if info.ca_data else None)
    if info.certificate_path:
        context.load_cert_chain(info.certificate_path, info.private_key_path)
    elif info.certificate_data:
        with tempfile.TemporaryDirectory() as folder:  # the ssl module takes a client certificate from files only
            certificate, key = Path(folder, "certificate"), Path(folder, "key")
            certificate.write_text(_pem(info.certificate_data))
            key.touch(mode=0o600)
            key.write_text(_pem(info.private_key_data))
            context.load_cert_chain(certificate, key)
    return context


def is_deleting(body: Body) -> bool:
    """Return whether the object waits for its finalizers."""
    return bool(body["metadata"].get("deletionTimestamp"))


def status_of(body: Body) -> str:
    """Return the status word of an object; it is empty until its controller writes one."""
    word: str = (body.get("status") or {}).get("status", "")
    return word


def has_finalizer(body: Body) -> bool:
    """Return whether the controller of the object's kind has taken charge of it."""
    return finalizer(body["kind"]) in body["metadata"].get("finalizers", [])


def with_finalizer(body: Body) -> Body:
    """Return the metadata patch that takes charge of an object."""
    others = [each for each in body["metadata"].get("finalizers", []) if each != finalizer(body["kind"])]
    return _finalizers(body, [*others, finalizer(body["kind"])])


def without_finalizer(body: Body) -> Body:
    """Return the metadata patch that releases an object."""
    return _finalizers(
        body, [each for each in body["metadata"].get("finalizers", []) if each != finalizer(body["kind"])]
    )


def let_go(api: Api, resource: str, body: Body) -> float | None:
    """Release an object that is being deleted.

    Returns:
        None: nothing is left to do for the object.
    """
    if has_finalizer(body):
        api.patch(
            resource, body["metadata"]["namespace"], body["metadata"]["name"], {"metadata": without_finalizer(body)}
        )
    return None


def _finalizers(body: Body, names: list[str]) -> Body:
    # A merge patch replaces the whole list: the version makes sure that no other finalizer gets lost.
    return {"resourceVersion": body["metadata"]["resourceVersion"], "finalizers": names}


def custom_resource(kind: str, metadata: Body, spec: Body) -> Body:
    """Return an object of the controllers' own API group."""
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def owned_by(owner: Body, name: str, **metadata: Any) -> Body:
    """Return the metadata of a child in its owner's namespace; Kubernetes deletes the child after its owner."""
    reference = {
        "apiVersion": GROUP_VERSION,
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    return {"name": name, "namespace": owner["metadata"]["namespace"], "ownerReferences": [reference], **metadata}


def ensure_owned(api: Api, resource: str, body: Body) -> bool:
    """Create a child unless its owner has it already.

    Returns:
        False while an object of that name from an earlier owner is still there.
    """
    if api.create(resource, body):
        return True
    existing = api.get(resource, body["metadata"]["namespace"], body["metadata"]["name"])
    owners = (existing or {"metadata": {}})["metadata"].get("ownerReferences", [])
    return body["metadata"]["ownerReferences"][0]["uid"] in {owner["uid"] for owner in owners}
