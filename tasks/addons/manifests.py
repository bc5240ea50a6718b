"""What an add-on runs in the cluster: upstream's manifests, adapted by the overlay in its folder under manifest/."""

from __future__ import annotations

import json
import shutil
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
    from tasks.engines.kube.manifests import Object
    from tasks.settings.addons import DownloadedManifest, Release

# Where the overlays find upstream's manifests.
_UPSTREAM = "upstream"
_TEMPLATE = ".j2"


def refusal(release: Release) -> str:
    """Return why an add-on cannot be had, in the module proxy's words, or nothing where it can.

    Raises:
        Problem: The proxy does not answer.
    """
    source = release.manifests
    return proxy.refusal(source.artifact, parameters.current()) if isinstance(source, ModuleManifests) else ""


def known_refusal(release: Release) -> str | None:
    """Return the same without asking anybody, or None where the proxy would have to be asked."""
    source = release.manifests
    return proxy.known(source.artifact, parameters.current()) if isinstance(source, ModuleManifests) else ""


def are_rendered(release: Release, name: str) -> bool:
    """Return whether the objects of an add-on have been rendered already, so that nothing has to be fetched."""
    return _kept(release, name).is_file()


def objects(release: Release, name: str) -> list[Object]:
    """Return the objects of an add-on; they are rendered once for all that they are made of.

    Args:
        release: What it runs.
        name: Its name.

    Raises:
        Problem: Upstream's manifests cannot be had, are not those of the checksum, or do not fit the overlay.
    """
    kept = _kept(release, name)
    if not kept.is_file():
        with alone(kept):
            atomic.write(kept, json.dumps(_render(release, part_of(kept), _overlay(release, name))))
    found: list[Object] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def _kept(release: Release, name: str) -> Path:
    made_of = [_overlay(release, name), _source_digest(release), Path(__file__).read_text(encoding="utf-8")]
    return paths.RENDERED / "addons" / f"{name}-{manifests.digest(made_of)}.json"


def _overlay(release: Release, name: str) -> dict[str, str]:
    """Return the rendered files of an add-on's overlay."""
    current = parameters.current()
    values: dict[str, Any] = {
        "parameters": current,
        "images": addon_images.replacements(release, current),
        "metallb_pool": address_pool.metallb,
        "physical_functions": [getattr(current, row.interface.lower()) for row in nics.WORKERS],
        "function_namespaces": patterns.NAMESPACES,
    }
    folder = paths.MANIFEST / name
    return {file.name.removesuffix(_TEMPLATE): templates.render(file, **values) for file in sorted(folder.iterdir())}


def _source_digest(release: Release) -> str:
    source = release.manifests
    if isinstance(source, ModuleManifests):
        return modules.definition(source.artifact, parameters.current())
    return _checksum(source, release)


def _render(release: Release, folder: Path, overlay: dict[str, str]) -> list[Object]:
    _copy(_upstream(release), folder / _UPSTREAM)
    for name, text in overlay.items():
        atomic.write(folder / name, text)
    found = kustomize.build(folder, parameters.current())
    shutil.rmtree(folder)
    return found


def _upstream(release: Release) -> Path:
    """Return upstream's manifests, a file or a folder."""
    source = release.manifests
    if isinstance(source, ModuleManifests):
        return modules.module_folder(source.artifact, source.artifact.module, parameters.current()) / source.path
    version = _version(release)
    url = f"{parameters.current().manifest_site}{source.repository}/{version}/{source.path}"
    name = f"{source.repository.replace('/', '-')}-{version}-{Path(source.path).name}"
    return download.fetch(url, parameters.current().cache_dir / "manifests" / name, sha256=_checksum(source, release))


def _checksum(source: DownloadedManifest, release: Release) -> str:
    version = _version(release)
    if version not in source.sha256:
        origin = parameters.origin(release.version)
        known = " or ".join(source.sha256)
        raise Problem(f"{origin}: {release.version}: the checksum of {version} is not known", hint=f"choose {known}")
    return source.sha256[version]


def _version(release: Release) -> str:
    return str(getattr(parameters.current(), release.version.lower()))


def _copy(source: Path, target: Path) -> None:
    """Copy contents only: what the module cache holds is read-only."""
    root = source if source.is_dir() else source.parent
    for file in source.rglob("*") if source.is_dir() else [source]:
        if file.is_file():
            place = target / file.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
