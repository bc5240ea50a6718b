"""Whether the versions of the parameters can be had; pinned ones, and what is there already, are not asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.addons import choice, installation, manifests
from tasks.doctor import published
from tasks.doctor.finding import Finding
from tasks.engines.files import releases
from tasks.engines.go import sources, toolchain
from tasks.images import addon_images, programs, runtime
from tasks.settings import addons, artifacts, images
from tasks.settings.addons import ModuleManifests
from tasks.settings.checks import FAILED, OK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tasks.doctor.finding import Look
    from tasks.doctor.published import Offer
    from tasks.doctor.server import Server
    from tasks.lack import Lack
    from tasks.settings.addons import Release
    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.images import NodeImage
    from tasks.settings.parameters.model import Parameters

_GITHUB = "https://github.com"


@dataclass(frozen=True)
class Asked:
    """A version that has to be asked for.

    Attributes:
        parameter: Its parameter.
        version: Its value.
        pinned: A version that needs no asking.
        places: Functions that ask a site for it; one that has it is enough.
    """

    parameter: str
    version: str
    pinned: str
    places: tuple[Callable[[Server], Offer], ...]


def asked(p: Parameters) -> list[Asked]:
    """Return the versions that have to be asked for: neither pinned nor there.

    Args:
        p: The parameters of the run.
    """
    return [*_go(p), *_artifacts(p), *_downloads(p)]


def lack(p: Parameters) -> Lack:
    """Return the versions that have to be asked for before anything is made of them.

    Args:
        p: The parameters of the run.
    """
    return lacks.of(*(f"{one.parameter} {one.version}: has to be asked for" for one in asked(p)))


def _versions(host: Server, p: Parameters) -> Finding:
    needed = "versions that can be had"
    wanted = asked(p)
    if not wanted:
        return Finding(OK, "all are pinned or there", needed)
    with ThreadPoolExecutor() as pool:
        offers = list(pool.map(lambda one: _best([place(host) for place in one.places]), wanted))
    found = list(zip(wanted, offers, strict=True))
    if missing := [(one, offer) for one, offer in found if offer.has is False]:
        cures = " ".join(f"{one.parameter}={_instead(one, offer)}" for one, offer in missing)
        return Finding(FAILED, "\n".join(_told(one, offer) for one, offer in missing), needed, cures)
    if silent := [(one, offer) for one, offer in found if offer.has is None]:
        return Finding(UNKNOWN, "\n".join(_told(one, offer) for one, offer in silent), needed)
    return Finding(OK, ", ".join(f"{one.parameter} {one.version}" for one in wanted), needed)


def _best(offers: list[Offer]) -> Offer:
    """Return what the places say together: one that has the version is enough, and one that is silent may have it."""
    return min(offers, key=lambda offer: (True, None, False).index(offer.has))


def _told(one: Asked, offer: Offer) -> str:
    there = published.nearest(one.version, offer.versions)
    return f"{one.parameter} {one.version}: {offer.said}" + (f" (there are {', '.join(there)})" if there else "")


def _instead(one: Asked, offer: Offer) -> str:
    """Return the newest version of the same line, or the pinned one."""
    line = one.version.rpartition(".")[0]
    same = [name for name in published.nearest(one.version, offer.versions) if name.rpartition(".")[0] == line]
    return same[-1] if same else one.pinned


def _go(p: Parameters) -> Iterator[Asked]:
    if p.go_version not in artifacts.TOOLCHAIN_SHA256 and not toolchain.is_settled(p):
        ask = partial(published.go, version=p.go_version, settings=p)
        yield Asked("GO_VERSION", p.go_version, toolchain.OWN, (ask,))


def _artifacts(p: Parameters) -> Iterator[Asked]:
    for artifact in _used(p):
        if not sources.is_resolved(artifact, p) and not _is_released_here(artifact, p):
            version = sources.version(artifact, p)
            yield Asked(artifact.parameter, version, sources.pinned(artifact), tuple(_places(artifact, p)))


def _places(artifact: GoArtifact, p: Parameters) -> Iterator[Callable[[Server], Offer]]:
    version = sources.version(artifact, p)
    source = programs.source(artifact, p)
    if source != artifacts.MODULES:
        yield partial(published.release, site=programs.site(artifact, p), version=version)
    if source != artifacts.RELEASE and sources.is_by_commit(artifact):
        yield partial(published.tag, repository=sources.repository(artifact), version=version)
    elif source != artifacts.RELEASE:
        yield partial(published.module, path=artifact.module, version=version, settings=p)


def _is_released_here(artifact: GoArtifact, p: Parameters) -> bool:
    if programs.source(artifact, p) == artifacts.MODULES:
        return False
    return releases.kept_in(programs.site(artifact, p), sources.version(artifact, p), p.cache_dir).is_dir()


def _used(p: Parameters) -> list[GoArtifact]:
    """Return the artifacts of which a run with these parameters makes something, each once."""
    found = [artifact for image in _images(p) for artifact in _taken(image, p)]
    sources_of_addons = [release.manifests for release in _releases(p)]
    found += [source.artifact for source in sources_of_addons if isinstance(source, ModuleManifests)]
    return list({artifact.name: artifact for artifact in found if artifact.module}.values())


def _taken(image: NodeImage, p: Parameters) -> list[GoArtifact]:
    return [use.artifact for use in image.programs if use.is_wanted(p)] + [use.artifact for use in image.files]


def _images(p: Parameters) -> Iterator[NodeImage]:
    others = {name for key, name in images.RUNTIME_IMAGES.items() if key not in _runtimes(p)}
    yield from (image for image in images.NODE_IMAGES if image.name not in others)
    if p.registry == "embedded":
        yield images.REGISTRY
    yield from filter(None, (addon_images.compiled(release, p) for release in _releases(p)))


def _releases(p: Parameters) -> Iterator[Release]:
    """Yield what the chosen add-ons may run."""
    for addon in addons.ADDONS:
        if installation.is_chosen(addon, p):
            yield from choice.releases(addon, p)


def _runtimes(p: Parameters) -> set[str]:
    """Return the runtimes that the nodes may have: both as long as CRI-O has to be asked for to choose."""
    return set(images.RUNTIME_IMAGES) if runtime.lack(p) else {runtime.chosen(p)}


def _downloads(p: Parameters) -> Iterator[Asked]:
    for release in _releases(p):
        source = release.manifests
        if source is None or isinstance(source, ModuleManifests):
            continue
        version = str(getattr(p, release.version.lower()))
        if version not in source.sha256 and not manifests.kept_as(source, version, p).is_file():
            url = manifests.address(source, version, p)
            ask = partial(published.manifest, url=url, repository=f"{_GITHUB}/{source.repository}")
            yield Asked(release.version, version, next(iter(source.sha256)), (ask,))


LOOKS: Mapping[str, Look] = {"versions": _versions}
