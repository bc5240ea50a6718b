"""tasks.target.pulling and pod_security, on a real API server: credentials in Secrets, and what levels admit."""

from __future__ import annotations

import base64
import json
import secrets
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube import applyset, manifests
from tasks.engines.kube.api import Kube
from tasks.engines.kube.applyset import ApplySet
from tasks.engines.kube.attachment import Attachment
from tasks.engines.programs import waiting
from tasks.settings import credentials, target
from tasks.target import pod_security, preflight, pulling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.kube.manifests import Object

_OWNER = "89abcdef01234567"
_REGISTRY = "registry.example:5000"
_PASSWORD = "a-word-that-nobody-sees"


@pytest.fixture
def guest(kubeconfig: Path, api: Kube) -> Iterator[Kube]:
    """The API of an existing cluster to which this checkout is attached."""
    api.send_apply(applyset.parent(_OWNER))
    yield Kube(kubeconfig, ours=ApplySet(Attachment("context", "https://server", "uid", _OWNER)))
    api.delete(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)


@pytest.fixture
def space(guest: Kube) -> Iterator[str]:
    """A namespace of ours."""
    name = f"ours-{secrets.token_hex(4)}"
    guest.apply([manifests.namespace(name)])
    yield name
    guest.delete(manifests.NAMESPACE, name)


@pytest.fixture
def _login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.USER, "robot$kind")
    monkeypatch.setenv(credentials.PASSWORD, _PASSWORD)


def _live(api: Kube, kind: manifests.Kind, name: str, space: str) -> Object:
    found = api.get(kind, name, space)
    assert found
    return found


@pytest.mark.usefixtures("_login")
def test_a_secret_holds_the_credentials_and_nothing_else_does(guest: Kube, space: str) -> None:
    guest.apply(pulling.secrets(_REGISTRY, [space]))
    live = _live(guest, pulling.SECRET, pulling.NAME, space)
    config = json.loads(base64.b64decode(live["data"][".dockerconfigjson"]))
    basic = config["auths"][_REGISTRY]["auth"]
    assert base64.b64decode(basic).decode() == f"robot$kind:{_PASSWORD}"
    assert live["type"] == "kubernetes.io/dockerconfigjson"
    assert live["metadata"]["labels"][target.OWNER] == _OWNER
    shown = json.dumps(live["metadata"])
    assert _PASSWORD not in shown
    assert basic not in shown
    assert not guest.lack(pulling.secrets(_REGISTRY, [space]))


@pytest.mark.usefixtures("_login")
def test_a_changed_password_is_seen_and_changes_the_secret(
    guest: Kube, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.apply(pulling.secrets(_REGISTRY, [space]))
    before = _live(guest, pulling.SECRET, pulling.NAME, space)["data"]
    monkeypatch.setenv(credentials.PASSWORD, "another")
    lack = guest.lack(pulling.secrets(_REGISTRY, [space]))
    assert lack.reasons == (f"Secret {space}/{pulling.NAME}: differs from what it should be",)
    guest.apply(pulling.secrets(_REGISTRY, [space]))
    assert _live(guest, pulling.SECRET, pulling.NAME, space)["data"] != before
    assert not guest.lack(pulling.secrets(_REGISTRY, [space]))


@pytest.mark.usefixtures("_login")
def test_the_default_account_names_the_secret_and_keeps_those_of_others(guest: Kube, api: Kube, space: str) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": space}}
    api.apply([{**account, "imagePullSecrets": [{"name": "of-others"}]}])
    guest.apply(pulling.accounts(guest, [space]))
    names = [each["name"] for each in _live(api, pulling.ACCOUNT, "default", space)["imagePullSecrets"]]
    assert names == ["of-others", pulling.NAME]
    assert not guest.lack(pulling.accounts(guest, [space]))


def test_without_credentials_nothing_is_made_and_pods_name_no_secret(
    guest: Kube, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in credentials.NAMES:
        monkeypatch.delenv(name, raising=False)
    assert pulling.secrets(_REGISTRY, [space]) == []
    assert pulling.accounts(guest, [space]) == []
    assert pulling.of_pod(guest) == {}


@pytest.mark.usefixtures("_login")
def test_pods_go_on_naming_a_secret_that_is_there_in_a_run_without_credentials(
    guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.apply(pulling.secrets(_REGISTRY, [target.DAEMONS]))
    try:
        monkeypatch.delenv(credentials.PASSWORD)
        assert pulling.of_pod(guest) == {"imagePullSecrets": [{"name": pulling.NAME}]}
    finally:
        guest.delete(pulling.SECRET, pulling.NAME, target.DAEMONS)


def _begins(words: str, refusal: str) -> bool:
    return refusal.startswith(words) if words else not refusal


def _pod(space: str) -> Object:
    pod = preflight.daemon_like()
    return {**pod, "metadata": {**pod["metadata"], "namespace": space}}


@pytest.mark.parametrize("level", [target.BASELINE, target.RESTRICTED])
def test_a_dry_run_tells_what_is_forbidden_and_makes_nothing(guest: Kube, api: Kube, space: str, level: str) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": space}}
    api.apply([account])
    assert api.facts.refusal(_pod(space)) == ""
    forbidden = f'pods "openkasugai-all-in-one-asked" is forbidden: violates PodSecurity "{level}:latest"'
    # The server learns of a changed level a moment later.
    for wanted, words in ((level, forbidden), (target.PRIVILEGED, "")):
        guest.apply([pod_security.with_level(manifests.namespace(space), wanted)])
        waiting.until(wanted, lambda: api.facts.refusal(_pod(space)), partial(_begins, words), deadline=10)
    assert api.list(manifests.POD, space) == []
