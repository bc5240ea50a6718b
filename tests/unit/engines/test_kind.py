"""tasks.engines.kind: the world that kind is shown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tasks.engines import kind
from tasks.settings import parameters

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = SimpleNamespace(dci_registry_addr_alt="registry.example:5000/images")
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_without_a_proxy_nothing_is_said_about_one() -> None:
    assert kind._no_proxy() == {}


@pytest.mark.parametrize("given", ["", "10.0.0.0/8,.example"])
def test_nodes_do_not_ask_the_proxy_for_the_registry(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", given)
    expected = f"{given},registry.example".lstrip(",")
    assert kind._no_proxy() == {"NO_PROXY": expected, "no_proxy": expected}


def test_the_users_kubeconfigs_are_those_that_kubectl_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/one:/two")
    assert [str(path) for path in kind.user_kubeconfigs()] == ["/one", "/two"]
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", "/home/user")
    assert [str(path) for path in kind.user_kubeconfigs()] == ["/home/user/.kube/config"]
