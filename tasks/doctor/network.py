"""Addresses, names, ports, proxies and the registry."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tasks.addons import installation as addon_actions
from tasks.cluster import address_plan
from tasks.doctor.finding import Finding, judged, not_asked_for
from tasks.engines.host import routes
from tasks.nics import emulated
from tasks.problems import Problem, UntrustedServer
from tasks.registry import ca_offer, client, docker_trust, pki, self_signed
from tasks.registry import embedded as registry_actions
from tasks.settings import addons, credentials, references
from tasks.settings import registry as table
from tasks.settings.addons import LOAD_BALANCER
from tasks.settings.checks import FAILED, OK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tasks.doctor.finding import Look
    from tasks.doctor.server import Server
    from tasks.settings.parameters.model import Parameters


_SKEW_SECONDS = 60


def _addresses(host: Server, p: Parameters) -> Finding:
    needed = "cluster networks that no route of the host overlaps"
    return _no_clash(host, needed, lambda: address_plan.check(p, routes.routes()))


def _card_addresses(host: Server, p: Parameters) -> Finding:
    needed = "a network of the cards that no other route overlaps"
    network = emulated.network_of(p)

    def check() -> None:
        known = routes.routes()
        own = emulated.device(network, known) if emulated.asked_for(p) else ""
        address_plan.check_cards(p, known, emulated=own)

    found = _no_clash(host, needed, check)
    obstacle = emulated.obstacle(network) if emulated.asked_for(p) else ""
    return Finding(FAILED, obstacle, needed, "docker network ls") if obstacle else found


def _no_clash(host: Server, needed: str, check: Callable[[], None]) -> Finding:
    if not host.has("ip"):
        return Finding(UNKNOWN, "the program ip, which comes with the Docker engine, is not there yet", needed)
    try:
        check()
    except Problem as problem:
        return Finding(FAILED, "; ".join(problem.message.splitlines()), needed, problem.hint)
    return Finding(OK, "no overlap", needed)


def _ports(host: Server, p: Parameters) -> Finding:
    needed = f"{p.registry_port} and {p.ca_port} free, or this tool's own"
    if p.registry != "embedded":
        return not_asked_for("REGISTRY", p.registry)
    taken = sorted({p.registry_port, p.ca_port} & host.listening)
    if taken and host.offers_own_registry:
        return Finding(OK, "taken by this tool's own registry", needed)
    return judged(not taken, f"{', '.join(map(str, taken))} taken" if taken else "free", needed, _who_listens(taken))


def _who_listens(ports: list[int]) -> str:
    filters = " or ".join(f"sport = :{port}" for port in ports)
    return f"sudo ss -Hltnp '{filters}'"


def _dns(host: Server, p: Parameters) -> Finding:
    names = sorted({name for name in _remote_hosts(p) if not host.is_proxied(f"https://{name}/")})
    lost = [name for name in names if not host.resolves(name)]
    found = (
        f"no address for {', '.join(lost)}" if lost else f"{len(names)} names resolved" if names else "no name is used"
    )
    return judged(not lost, found, "an address for every registry", f"resolvectl query {' '.join(lost)}")


def _remote_hosts(p: Parameters) -> Iterator[str]:
    """Yield the host names that the parameters refer to; addresses need no resolution."""
    if p.base_from == "registry":
        yield _registry_of(p.ubuntu_image_name)
    if p.registry == "harbor":
        hosts = (_bare(p.dci_registry_addr_alt.partition("/")[0]), urlsplit(p.dci_registry_cert_url).hostname or "")
        yield from (host for host in hosts if not _is_address(host))


def _registry_of(image: str) -> str:
    first, slash, _ = image.partition("/")
    return _bare(first) if slash and references.is_registry(first) else "docker.io"


def _bare(host_and_port: str) -> str:
    return host_and_port.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _proxy(host: Server, p: Parameters) -> Finding:
    needed = "no proxy for the registry of the management network"
    proxied = [urlsplit(url).hostname or "" for url in _private_urls(p) if host.is_proxied(url)]
    names = ",".join(dict.fromkeys(proxied))
    cure = f"export NO_PROXY=$NO_PROXY,{names} no_proxy=$no_proxy,{names}"
    return judged(not proxied, f"a proxy for {names}" if proxied else "none for these", needed, cure)


def _private_urls(p: Parameters) -> Iterator[str]:
    for url in (p.dci_registry_cert_url, f"https://{p.dci_registry_addr_alt}"):
        name = urlsplit(url).hostname or ""
        # Loopback is never reached through a proxy.
        if _is_address(name) and ip_address(name).is_private and not ip_address(name).is_loopback:
            yield url


def _clock(host: Server, p: Parameters) -> Finding:
    needed = f"at most {_SKEW_SECONDS} s away from the registry's"
    if p.registry != "harbor":
        return not_asked_for("REGISTRY", p.registry)
    try:
        date = host.get(p.dci_registry_cert_url).date
    except Problem as problem:
        return Finding(UNKNOWN, problem.message, needed)
    if date is None:
        return Finding(UNKNOWN, f"{p.dci_registry_cert_url} does not tell the time", needed)
    skew = (host.now() - date).total_seconds()
    return judged(abs(skew) <= _SKEW_SECONDS, f"{abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}", needed)


def _registry_ca(host: Server, p: Parameters) -> Finding:
    needed = "a CA certificate in PEM form that is valid"
    if p.registry != "harbor":
        return not_asked_for("REGISTRY", p.registry)
    url = p.dci_registry_cert_url
    try:
        ca = _ca(host, p)
    except Problem as problem:
        return Finding(FAILED, problem.message, needed, problem.hint or f"curl -fv {url}")
    remark = self_signed.remark(ca, client.of(p).host)
    return Finding(OK, f"{url}: {remark}" if remark else url, needed)


def _ca(host: Server, p: Parameters) -> bytes:
    """Return the CA that the registry offers.

    Raises:
        Problem: It cannot be downloaded, or is not a CA.
    """
    url = p.dci_registry_cert_url
    try:
        answer = host.get(url)
    except UntrustedServer as refused:
        return ca_offer.instead(refused, url, sha256=p.dci_registry_cert_sha256)
    if answer.status != HTTPStatus.OK:
        raise Problem(f"{url}: answers with status {answer.status}")
    return pki.judge_ca(answer.content, url, sha256=p.dci_registry_cert_sha256)


def _registry(host: Server, p: Parameters) -> Finding:
    needed = "a registry that answers with a certificate of that CA"
    if p.registry != "harbor":
        return not_asked_for("REGISTRY", p.registry)
    url = f"https://{p.dci_registry_addr_alt.partition('/')[0]}/v2/"
    try:
        ca = _ca(host, p)
    except Problem:
        return Finding(UNKNOWN, "cannot be asked without its CA", needed)
    try:
        status = host.get(url, ca=ca).status
        if status == HTTPStatus.UNAUTHORIZED and credentials.current():
            client.of(p).prove(ca)
    except UntrustedServer as problem:
        refused = self_signed.explained(problem, ca, client.of(p).host)
        return Finding(FAILED, refused.message, needed, refused.hint)
    except Problem as problem:
        return Finding(FAILED, problem.message, needed, problem.hint)
    return judged(
        status in {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED},
        f"{url} answers with status {status}",
        needed,
        f"curl -v {url}",
    )


def _registry_trust(host: Server, p: Parameters) -> Finding:
    if p.registry != "harbor":
        return not_asked_for("REGISTRY", p.registry)
    file = replace(docker_trust.of(p), engine=lambda: host.docker_host).file()
    if file is None:
        return Finding(OK, "the engine trusts the address as it is, or is on another machine", "nothing then")
    needed = f"the registry's CA in {file.parent}, or the right to put it there"
    if host.user == 0 or host.succeeds(["sudo", "-n", "true"]):
        return Finding(OK, f"this tool keeps it in {file.name}", needed)
    try:
        ca = _ca(host, p)
    except Problem:
        return Finding(UNKNOWN, "cannot be checked without the CA", needed)
    held = docker_trust.holds(host.path(str(file.parent)), ca)
    return judged(held, "there" if held else f"not there, and user {host.user} may not put it there", needed)


def _registry_owner(host: Server, p: Parameters) -> Finding:
    names = ", ".join(service.name for service in table.SERVICES)
    needed = f"{names} not there, or of this CACHE_DIR"
    if p.registry != "embedded":
        return not_asked_for("REGISTRY", p.registry)
    try:
        host.require_engine()
        strangers = [stranger for service in table.SERVICES if (stranger := registry_actions.objection(service, p))]
    except Problem as problem:
        return Finding(UNKNOWN, problem.message, needed)
    if not strangers:
        return Finding(OK, "free or ours", needed)
    return Finding(FAILED, "; ".join(one.message for one in strangers), needed, strangers[0].hint)


def _load_balancer(_: Server, p: Parameters) -> Finding:
    balancers = [addon for addon in addons.ADDONS if addon.name == LOAD_BALANCER]
    installed = [addon.name for addon in balancers if addon_actions.is_chosen(addon, p)]
    return judged(bool(installed), ", ".join(installed) or "none are given out", f"the add-on {LOAD_BALANCER}")


LOOKS: Mapping[str, Look] = {
    "addresses": _addresses,
    "card-addresses": _card_addresses,
    "ports": _ports,
    "dns": _dns,
    "proxy": _proxy,
    "clock": _clock,
    "registry-ca": _registry_ca,
    "registry": _registry,
    "registry-trust": _registry_trust,
    "registry-owner": _registry_owner,
    "load-balancer": _load_balancer,
}
