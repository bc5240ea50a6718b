"""The CA that a registry offers: bundles, redirects to a server of that very CA, and unreadable headers."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tasks.doctor import examination
from tasks.engines.host import facts as hosts
from tasks.problems import Problem
from tasks.registry import certificates, client
from tasks.registry.server import Server, trusting_only
from tasks.settings import parameters, paths
from tests import authorities

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.authorities import Holder

ROOT = authorities.authority("root")
MIDDLE = authorities.authority("middle", ROOT)
OTHER = authorities.authority("other")
CA_PATH = "/harbor/ca.crt"


class Page(http.server.BaseHTTPRequestHandler):
    """Serves fixed pages by path: content, or the target of a redirect."""

    pages: Mapping[str, bytes | str]
    date = ""

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        self.send_response(308 if isinstance(page, str) else 404 if page is None else 200)
        if isinstance(page, str):
            self.send_header("Location", page)
        content = page if isinstance(page, bytes) else b""
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.date or super().date_time_string(timestamp)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(pages: Mapping[str, bytes | str], context: ssl.SSLContext | None = None, date: str = "") -> Iterator[str]:
    """Serve pages on loopback; yield the address with its port."""
    handler = type("Pages", (Page,), {"pages": pages, "date": date})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Harbor:
    """Servers that live as long as a test, and the parameters that point at them."""

    def __init__(self, folder: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._stack, self._monkeypatch = folder, stack, monkeypatch

    def http(self, pages: Mapping[str, bytes | str], date: str = "") -> str:
        return "http://" + self._stack.enter_context(serving(pages, date=date))

    def https(self, pages: Mapping[str, bytes | str], issuer: Holder, *chain: Holder) -> str:
        context = authorities.context(self._folder, authorities.server(issuer), *chain)
        return "https://" + self._stack.enter_context(serving(pages, context))

    def choose(self, site: str, ca_site: str, *, sha256: str = "") -> None:
        values = {
            "registry": "harbor",
            "dci_registry_addr_alt": f"{site.partition('://')[2]}/images",
            "dci_registry_cert_url": f"{ca_site}{CA_PATH}",
            "dci_registry_cert_sha256": sha256,
        }
        chosen = parameters.current().model_copy(update=values)
        self._monkeypatch.setattr(parameters, "current", lambda: chosen)

    def found(self, check: str) -> examination.Result:
        results = examination.of_this_machine(parameters.current()).examine(("registry",))
        return next(result for result in results if result.name == check)


@pytest.fixture
def harbor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbor]:
    monkeypatch.setattr(paths, "REGISTRY_CA", tmp_path / "kept" / "ca.crt")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with ExitStack() as stack:
        yield Harbor(tmp_path, stack, monkeypatch)


@pytest.mark.parametrize("offered", [[MIDDLE, ROOT], [ROOT, MIDDLE], [MIDDLE]], ids=["up", "down", "intermediate"])
@pytest.mark.parametrize("shown", [[], [MIDDLE]], ids=["leaf", "chain"])
def test_a_registry_of_an_intermediate_is_proved_by_the_bundle(
    harbor: Harbor, offered: list[Holder], shown: list[Holder]
) -> None:
    bundle = b"".join(one.pem for one in offered)
    site = harbor.https({"/v2/": b"{}"}, MIDDLE, *shown)
    harbor.choose(site, harbor.http({CA_PATH: bundle}))
    assert (harbor.found("registry-ca").state, harbor.found("registry").state) == ("ok", "ok")
    certificates.fetch()
    assert certificates.registry_ca() == bundle
    assert not certificates.lack()


def test_a_registry_that_no_certificate_of_the_bundle_has_issued_is_one_line(harbor: Harbor) -> None:
    harbor.choose(harbor.https({"/v2/": b"{}"}, OTHER), harbor.http({CA_PATH: MIDDLE.pem + ROOT.pem}))
    with pytest.raises(Problem, match=r"unable to get local issuer certificate|self.signed") as caught:
        certificates.fetch()
    assert "\n" not in caught.value.message
    assert harbor.found("registry").state == "FAILED"


@pytest.mark.parametrize("redirected", [True, False])
def test_a_ca_that_vouches_for_its_own_server_is_named_and_a_pin_is_the_way(
    harbor: Harbor, *, redirected: bool
) -> None:
    site = harbor.https({CA_PATH: MIDDLE.pem + ROOT.pem, "/v2/": b"{}"}, MIDDLE)
    offered = harbor.http({CA_PATH: f"{site}{CA_PATH}"}) if redirected else site
    says = f"redirects to {site}{CA_PATH}, which is served" if redirected else "is served"
    harbor.choose(site, offered)
    with pytest.raises(Problem, match=f"{says} with a certificate of the very CA that is offered there") as caught:
        certificates.fetch()
    assert caught.value.message.startswith(f"{offered}{CA_PATH}: ")
    assert "\n" not in caught.value.message
    assert f"DCI_REGISTRY_CERT_SHA256={ROOT.fingerprint}" in caught.value.hint
    result = harbor.found("registry-ca")
    assert says in result.found
    assert ROOT.fingerprint in result.cure
    assert not paths.REGISTRY_CA.exists()

    harbor.choose(site, offered, sha256=OTHER.fingerprint)
    with pytest.raises(Problem, match="DCI_REGISTRY_CERT_SHA256 is"):
        certificates.fetch()
    harbor.choose(site, offered, sha256=ROOT.fingerprint)
    certificates.fetch()
    assert certificates.registry_ca() == MIDDLE.pem + ROOT.pem
    assert (harbor.found("registry-ca").state, harbor.found("registry").state) == ("ok", "ok")


@pytest.mark.parametrize(
    ("page", "issuer"),
    [(ROOT.pem, OTHER), (b"<html>login</html>", ROOT), (None, ROOT)],
    ids=["another CA", "a page", "nothing"],
)
def test_another_fault_of_a_redirects_target_is_told_with_its_address(
    harbor: Harbor, page: bytes | None, issuer: Holder
) -> None:
    site = harbor.https({} if page is None else {CA_PATH: page}, issuer)
    harbor.choose(site, harbor.http({CA_PATH: f"{site}{CA_PATH}"}), sha256=ROOT.fingerprint)
    with pytest.raises(Problem, match=f"{site}{CA_PATH}: .*(unable to get local issuer|self.signed)") as caught:
        certificates.fetch()
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("target", ["https://[half/ca.crt", "https://", "ftp://127.0.0.1/ca.crt"])
def test_a_redirect_to_no_address_is_one_line(harbor: Harbor, target: str) -> None:
    site = harbor.http({CA_PATH: target})
    harbor.choose("https://127.0.0.1:1", site)
    with pytest.raises(Problem, match="not downloaded") as caught:
        certificates.fetch()
    assert "\n" not in caught.value.message
    assert harbor.found("registry-ca").state == "FAILED"


@pytest.mark.parametrize("date", ["yesterday", "Thu, 99 Nov 2026 07:22:32 GMT", "Mon, 01 Jan 99999 00:00:00 GMT", ","])
def test_a_date_that_cannot_be_read_is_unknown_and_the_ca_is_taken(harbor: Harbor, date: str) -> None:
    harbor.choose("https://127.0.0.1:1", harbor.http({CA_PATH: ROOT.pem}, date))
    assert harbor.found("clock").state == "unknown"
    assert "does not tell the time" in harbor.found("clock").found
    assert harbor.found("registry-ca").state == "ok"


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000", "", "JST"])
def test_a_date_of_any_zone_is_a_moment(zone: str) -> None:
    told = hosts.moment(f"Thu, 26 Nov 2026 07:22:32 {zone}".strip())
    assert told is not None
    assert told.utcoffset() is not None


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"null", b"\xff"])
def test_a_token_that_cannot_be_read_is_one_line(harbor: Harbor, answer: bytes) -> None:
    site = harbor.https({"/token": answer}, ROOT)
    harbor.choose(site, site)
    asked = Server("registry.example", trusting_only(ROOT.pem.decode("ascii")))
    with pytest.raises(Problem, match="no token in the registry's answer") as caught:
        asked.token(f'Bearer realm="{site}/token",service="{json.dumps(1)}"')
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("realm", ["https://[half/token", "https://127.0.0.1:port/token", f"https://{'a' * 64}.b/t"])
def test_a_place_of_tokens_that_is_no_address_is_one_line(realm: str) -> None:
    asked = Server("registry.example", trusting_only(ROOT.pem.decode("ascii")))
    with pytest.raises(Problem) as caught:
        asked.token(f'Bearer realm="{realm}"')
    assert "\n" not in caught.value.message


def test_a_kept_ca_that_was_damaged_is_one_line(harbor: Harbor) -> None:
    harbor.choose("https://127.0.0.1:1", "http://127.0.0.1:1")
    paths.REGISTRY_CA.parent.mkdir()
    for content in (b"nothing", "日本".encode()):
        paths.REGISTRY_CA.write_bytes(content)
        with pytest.raises(Problem, match="holds no certificates"):
            client.of(parameters.current()).require(["127.0.0.1:1/images/function:1"])


def test_a_name_that_no_host_may_have_has_no_address() -> None:
    assert not hosts.Host().resolves(f"{'a' * 64}.example")
