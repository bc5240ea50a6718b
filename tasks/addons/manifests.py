"""What an add-on runs in the cluster: upstream's manifests, adapted by the overlay in its folder under manifest/."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.addons import address_blocks, address_pool
from tasks.engines.files import atomic, digests, download, templates
from tasks.engines.files.lock import alone, part_of
from tasks.engines.go import modules, proxy, sources
from tasks.engines.kube import kustomize, manifests
from tasks.images import addon_images
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import controller, emulation, nics, paths
from tasks.settings.addons import ModuleManifests
from tasks.target import choice as targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.engines.kube.manifests import Object
    from tasks.settings.addons import DownloadedManifest, Release
    from tasks.settings.parameters.model import Parameters

# Where the overlays find upstream's manifests.
_UPSTREAM = "upstream"
_KUSTOMIZATION = "kustomization.yaml"
_TEMPLATE = ".j2"
# Far more than any manifest has, in bytes.
_LARGEST = 16 << 20
# Stands for the digest of a manifest whose checksum nobody knows before it is fetched.
_NOT_FETCHED = "not fetched yet"


def upstream(release: Release, chosen: Parameters) -> Path | None:
    """Return upstream's manifests, a file or a folder; fetch them if they are missing. None if there are none.

    Args:
        release: What an add-on runs.
        chosen: The parameters of the run.

    Raises:
        Problem: They are not available, or do not match the checksum.
    """
    source = release.manifests
    if source is None:
        return None
    if isinstance(source, ModuleManifests):
        return modules.module_folder(source.artifact, source.artifact.module, chosen) / source.path
    version = _version(release, chosen)
    url, kept = address(source, version, chosen), kept_as(source, version, chosen)
    if sha256 := source.sha256.get(version):
        return download.fetch(url, kept, sha256=sha256)
    if not kept.is_file():
        content = _judged(download.read(url, limit=_LARGEST), url)
        atomic.write(kept, content)
        digest = hashlib.sha256(content).hexdigest()
        progress.line(f"{release.version} {version}: its manifest is taken as {url} serves it, with SHA-256 {digest}")
    return kept


def address(source: DownloadedManifest, version: str, chosen: Parameters) -> str:
    """Return where a manifest is.

    Args:
        source: The manifest.
        version: Its version.
        chosen: The parameters of the run.
    """
    return f"{chosen.manifest_site}{source.repository}/{version}/{source.path}"


def kept_as(source: DownloadedManifest, version: str, chosen: Parameters) -> Path:
    """Return the path at which a manifest is kept.

    Args:
        source: The manifest.
        version: Its version.
        chosen: The parameters of the run.
    """
    name = f"{source.repository.replace('/', '-')}-{version}-{Path(source.path).name}"
    return chosen.cache_dir / "manifests" / name


@dataclass(frozen=True)
class Manifests:
    """The manifests of an add-on, as the parameters choose it.

    Attributes:
        name: Its name.
        release: What it runs.
        chosen: The parameters of the run.
        fetch: Returns upstream's manifests, a file or a folder, or None.
    """

    name: str
    release: Release
    chosen: Parameters
    fetch: Callable[[Release, Parameters], Path | None] = upstream

    def refusal(self) -> str:
        """Return why the add-on is not available, in the module proxy's words, or an empty string if it is.

        Raises:
            Problem: The proxy does not answer.
        """
        source = self.release.manifests
        return proxy.refusal(source.artifact, self.chosen) if isinstance(source, ModuleManifests) else ""

    def known_refusal(self) -> str | None:
        """Return the same without any request, or None if the proxy would have to be asked."""
        source = self.release.manifests
        return proxy.known(source.artifact, self.chosen) if isinstance(source, ModuleManifests) else ""

    def are_rendered(self) -> bool:
        """Return whether the objects have been rendered already, so that nothing has to be fetched."""
        return self._kept.is_file()

    def objects(self) -> list[Object]:
        """Return the objects; they are rendered once for each set of inputs.

        Raises:
            Problem: Upstream's manifests are not available, do not match the checksum, or do not fit the overlay.
        """
        if not self._is_upstream_known():
            self.fetch(self.release, self.chosen)
        kept = self._kept
        if not kept.is_file():
            with alone(kept):
                atomic.write(kept, json.dumps(self._render(part_of(kept))))
        found: list[Object] = json.loads(kept.read_text(encoding="utf-8"))
        return found

    @property
    def _kept(self) -> Path:
        code = Path(__file__).read_text(encoding="utf-8")
        made_of = [self._overlay, self.release.kustomization, self._source_digest(), code]
        return paths.RENDERED / "addons" / f"{self.name}-{manifests.digest(made_of)}.json"

    @functools.cached_property
    def _overlay(self) -> dict[str, str]:
        """The rendered files of the overlay."""
        values: dict[str, Any] = {
            "parameters": self.chosen,
            "images": addon_images.replacements(self.release, self.chosen),
            "metallb_pool": functools.partial(address_pool.metallb, self.chosen),
            "address_blocks": address_blocks.whereabouts(self.chosen, targets.of(self.chosen).card_nodes),
            "delegate": emulation.DELEGATE if emulation.SRIOV in self.chosen.emulate else nics.DELEGATE,
            "ipam": self.release.ipam,
            "static_nodes": targets.of(self.chosen).static_nodes,
            "resource": self.chosen.sriov_resource,
            "physical_functions": [getattr(self.chosen, row.interface.lower()) for row in nics.WORKERS],
            "namespaces": dict(self._namespaces()),
            "function_namespaces": targets.of(self.chosen).network_namespaces,
        }
        files = sorted((paths.MANIFEST / self.name).iterdir())
        return {file.name.removesuffix(_TEMPLATE): templates.render(file, **values) for file in files}

    def _namespaces(self) -> Iterator[tuple[str, Object]]:
        """Yield the namespaces that networks are in, as the rest of the tool makes them, by name."""
        for item in targets.of(self.chosen).namespaces([*known.function_namespaces(), *controller.NAMESPACES]):
            yield manifests.name_of(item), item

    def _is_upstream_known(self) -> bool:
        """Return whether a digest names upstream's manifests before they are fetched."""
        source = self.release.manifests
        if source is None:
            return True
        if isinstance(source, ModuleManifests):
            return sources.is_resolved(source.artifact, self.chosen)
        version = _version(self.release, self.chosen)
        return version in source.sha256 or kept_as(source, version, self.chosen).is_file()

    def _source_digest(self) -> str:
        source = self.release.manifests
        if source is None:
            return ""
        if isinstance(source, ModuleManifests):
            return modules.definition(source.artifact, self.chosen)
        version = _version(self.release, self.chosen)
        kept = kept_as(source, version, self.chosen)
        return source.sha256.get(version) or (digests.read(kept) if kept.is_file() else _NOT_FETCHED)

    def _render(self, folder: Path) -> list[Object]:
        if source := self.fetch(self.release, self.chosen):
            _copy(source, folder / _UPSTREAM)
        for name, text in self._overlay.items():
            atomic.write(folder / name, text)
        atomic.write(folder / _KUSTOMIZATION, self._overlay[f"{self.release.kustomization}.yaml"])
        found = kustomize.build(folder, self.chosen)
        shutil.rmtree(folder)
        return found


def _judged(content: bytes, url: str) -> bytes:
    """Return the content if it is a manifest; a site may also answer with a page that says something.

    Raises:
        Problem: It holds no object of Kubernetes.
    """
    if not re.search(rb"^(?:apiVersion|kind):", content, re.MULTILINE):
        raise Problem(f"{url}: what is served there is no manifest", hint=f"curl -fL {url}")
    return content


def _version(release: Release, chosen: Parameters) -> str:
    return str(getattr(chosen, release.version.lower()))


def _copy(source: Path, target: Path) -> None:
    """Copy the contents without permissions: the files of the module cache are read-only."""
    root = source if source.is_dir() else source.parent
    for file in source.rglob("*") if source.is_dir() else [source]:
        if file.is_file():
            place = target / file.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
