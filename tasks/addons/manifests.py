"""What an add-on runs in the cluster: upstream's manifests, adapted by the overlay in its folder under manifest/."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.addons import address_pool
from tasks.engines.files import atomic, download, templates
from tasks.engines.files.lock import alone, part_of
from tasks.engines.go import modules, proxy
from tasks.engines.kube import kustomize, manifests
from tasks.images import addon_images
from tasks.problems import Problem
from tasks.settings import nics, parameters, paths, patterns
from tasks.settings.addons import ModuleManifests

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.kube.manifests import Object
    from tasks.settings.addons import DownloadedManifest, Release
    from tasks.settings.parameters.model import Parameters

# Where the overlays find upstream's manifests.
_UPSTREAM = "upstream"
_TEMPLATE = ".j2"


def upstream(release: Release, chosen: Parameters) -> Path:
    """Return upstream's manifests, a file or a folder; fetch them if they are missing.

    Args:
        release: What an add-on runs.
        chosen: The parameters of the run.

    Raises:
        Problem: They are not available, or do not match the checksum.
    """
    source = release.manifests
    if isinstance(source, ModuleManifests):
        return modules.module_folder(source.artifact, source.artifact.module, chosen) / source.path
    version = _version(release, chosen)
    url = f"{chosen.manifest_site}{source.repository}/{version}/{source.path}"
    name = f"{source.repository.replace('/', '-')}-{version}-{Path(source.path).name}"
    return download.fetch(url, chosen.cache_dir / "manifests" / name, sha256=_checksum(source, release, chosen))


@dataclass(frozen=True)
class Manifests:
    """The manifests of an add-on, as the parameters choose it.

    Attributes:
        name: Its name.
        release: What it runs.
        chosen: The parameters of the run.
        fetch: Returns upstream's manifests, a file or a folder.
    """

    name: str
    release: Release
    chosen: Parameters
    fetch: Callable[[Release, Parameters], Path] = upstream

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
        kept = self._kept
        if not kept.is_file():
            with alone(kept):
                atomic.write(kept, json.dumps(self._render(part_of(kept))))
        found: list[Object] = json.loads(kept.read_text(encoding="utf-8"))
        return found

    @functools.cached_property
    def _kept(self) -> Path:
        made_of = [self._overlay, self._source_digest(), Path(__file__).read_text(encoding="utf-8")]
        return paths.RENDERED / "addons" / f"{self.name}-{manifests.digest(made_of)}.json"

    @functools.cached_property
    def _overlay(self) -> dict[str, str]:
        """The rendered files of the overlay."""
        values: dict[str, Any] = {
            "parameters": self.chosen,
            "images": addon_images.replacements(self.release, self.chosen),
            "metallb_pool": functools.partial(address_pool.metallb, self.chosen),
            "physical_functions": [getattr(self.chosen, row.interface.lower()) for row in nics.WORKERS],
            "function_namespaces": patterns.NAMESPACES,
        }
        files = sorted((paths.MANIFEST / self.name).iterdir())
        return {file.name.removesuffix(_TEMPLATE): templates.render(file, **values) for file in files}

    def _source_digest(self) -> str:
        source = self.release.manifests
        if isinstance(source, ModuleManifests):
            return modules.definition(source.artifact, self.chosen)
        return _checksum(source, self.release, self.chosen)

    def _render(self, folder: Path) -> list[Object]:
        _copy(self.fetch(self.release, self.chosen), folder / _UPSTREAM)
        for name, text in self._overlay.items():
            atomic.write(folder / name, text)
        found = kustomize.build(folder, self.chosen)
        shutil.rmtree(folder)
        return found


def _checksum(source: DownloadedManifest, release: Release, chosen: Parameters) -> str:
    version = _version(release, chosen)
    if version not in source.sha256:
        origin = parameters.origin(release.version)
        known = " or ".join(source.sha256)
        raise Problem(f"{origin}: {release.version}: the checksum of {version} is not known", hint=f"choose {known}")
    return source.sha256[version]


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
