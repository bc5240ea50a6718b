"""A target for tests of what stands upon one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.target import kind_cluster
from tasks.target.videos import OnNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern
    from tasks.settings.controller import Component
    from tasks.target.devices import Gpu, Worker
    from tasks.target.videos import Videos
    from tasks.target.workloads import Seen


@dataclass(frozen=True)
class Given:
    """A cluster with workers of these names, which have this machine's CPU and these GPUs."""

    api: Kube
    workers: tuple[str, ...]
    gpus: Mapping[str, tuple[Gpu, ...]] = field(default_factory=dict)
    title: str = "cluster of a test"
    stages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    looks: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    borrows: bool = False
    card_nodes: tuple[str, ...] = ()
    functions_each: int = 8
    network_namespaces: tuple[str, ...] = ()
    static_nodes: tuple[str, ...] = ()
    welcome: tuple[tuple[str, str], ...] = ()
    farewell: tuple[str, str] = ("", "")
    parts: Mapping[str, Callable[[], Seen]] = field(default_factory=dict)
    videos: Videos = field(default_factory=OnNodes)

    def settle_functions(self) -> None:
        """Lend nothing."""

    def status(self) -> Iterator[tuple[str, str]]:
        """Return no line."""
        return iter(())

    def not_offered(self, _need: str) -> tuple[str, ...]:
        """Return nothing: it offers all."""
        return ()

    def missing(self, _need: str) -> tuple[str, ...]:
        """Return nothing: it offers all."""
        return ()

    def version_of_others(self, _addon: str) -> str:
        """Return nothing: there is none."""
        return ""

    def unfit(self, _pattern: Pattern) -> tuple[str, ...]:
        """Return nothing: every pattern fits."""
        return ()

    def notices(self, _pattern: Pattern) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def namespaces(self, names: Iterable[str]) -> list[Object]:
        """Return the namespaces as they are."""
        return [manifests.namespace(name) for name in names]

    def prepared(self, namespaces: Iterable[str]) -> list[Object]:
        """Return the namespaces as they are."""
        return self.namespaces(namespaces)

    def pulling(self, items: list[Object]) -> list[Object]:
        """Return the objects as they are."""
        return items

    def adapted(self, _part: Component, items: list[Object]) -> list[Object]:
        """Return the objects of a part of the controller as they are."""
        return items

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return the workers with their devices."""
        return kind_cluster.shared_by(names, self.gpus)
