"""tasks.engines.programs.proxies: the proxy that leads to an address, as the environment says."""

from __future__ import annotations

import pytest

from tasks.engines.programs import proxies

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("variables", "host", "found"),
    [
        ({}, "ghcr.io", None),
        ({"https_proxy": PROXY}, "ghcr.io", "proxy.example"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "ghcr.io", "proxy.example"),
        ({"all_proxy": PROXY}, "ghcr.io", "proxy.example"),
        ({"http_proxy": PROXY}, "ghcr.io", None),
        ({"https_proxy": PROXY, "no_proxy": ".lan,ghcr.io"}, "ghcr.io", None),
        ({"https_proxy": PROXY, "no_proxy": ".lan"}, "harbor.lan", None),
        ({"https_proxy": PROXY}, "127.0.0.1:15443", None),
    ],
)
def test_an_address_is_reached_through_the_proxy_that_the_environment_names_for_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str, found: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy = proxies.towards(f"https://{host}")
    assert (proxy.hostname if proxy else None) == found
    assert proxy is None or proxy.port == 3128
