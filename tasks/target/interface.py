"""What the rest of the tool needs of a cluster, and kinds of clusters answer differently.

`kind_cluster` and `existing` implement it, `choice` chooses one; nothing else asks which of them it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern
    from tasks.settings.controller import Component
    from tasks.target.devices import Worker
    from tasks.target.videos import Videos
    from tasks.target.workloads import Seen


class Target(Protocol):
    """The cluster that the dataflows run on."""

    @property
    def title(self) -> str:
        """How messages call it."""

    @property
    def api(self) -> Kube:
        """Its API.

        Raises:
            Problem: There is no such cluster yet, or it is not attached.
        """

    @property
    def stages(self) -> Mapping[str, tuple[str, ...]]:
        """The tasks of the parts of the graph that settings.stages names."""

    @property
    def looks(self) -> Container[str]:
        """What is looked at on this machine before it is touched: first steps of settings.checks."""

    @property
    def purposes(self) -> Container[str]:
        """What doctor checks this machine for: purposes of settings.checks."""

    @property
    def borrows(self) -> bool:
        """Whether devices of this machine are lent to its nodes."""

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that run functions, in the order of the places that patterns name."""

    def status(self) -> Iterator[tuple[str, str]]:
        """Yield what there is, for `./doit status`: a name and a state each; what cannot be seen is no error."""

    @property
    def parts(self) -> Mapping[str, Callable[[], Seen]]:
        """What the overview shows, each part after that on which it stands; each may raise Problem."""

    def settle_functions(self) -> None:
        """Offer the virtual functions again that a deleted pod has left elsewhere, where this tool lends the cards.

        Raises:
            Problem: A card cannot be lent, or its functions are not offered.
        """

    @property
    def welcome(self) -> tuple[tuple[str, str], ...]:
        """The first commands for a cluster that is not there or not attached; empty if they depend on this machine."""

    @property
    def farewell(self) -> tuple[str, str]:
        """The task that takes everything away, and what it does."""

    @property
    def videos(self) -> Videos:
        """How videos come into the pod that sends them."""

    @property
    def card_nodes(self) -> tuple[str, ...]:
        """The workers, in the order of the blocks of addresses of their second network."""

    @property
    def network_namespaces(self) -> tuple[str, ...]:
        """The namespaces with a second network."""

    @property
    def static_nodes(self) -> tuple[str, ...]:
        """The workers with a second network whose addresses pods name themselves."""

    @property
    def functions_each(self) -> int:
        """Virtual functions that each worker is to have, or has."""

    def missing(self, need: str) -> tuple[str, ...]:
        """Return what it will not offer that a pattern needs, one phrase each; nothing while it cannot be asked.

        What an add-on brings that is asked for is not missing.

        Args:
            need: One of settings.checks.
        """

    def not_offered(self, need: str) -> tuple[str, ...]:
        """Return what it does not offer, with its add-ons, that a pattern needs.

        Args:
            need: One of settings.checks.
        """

    def version_of_others(self, addon: str) -> str:
        """Return in which version others have installed an add-on; empty if they have not.

        Args:
            addon: Its name.
        """

    def unfit(self, pattern: Pattern) -> tuple[str, ...]:
        """Return why a pattern cannot run on its workers, one line each; nothing while they are not known.

        Args:
            pattern: The pattern.
        """

    def notices(self, pattern: Pattern) -> tuple[str, ...]:
        """Return what of a pattern's functions is otherwise there than their files expect, one line each.

        Args:
            pattern: The pattern.
        """

    def namespaces(self, names: Iterable[str]) -> list[Object]:
        """Return namespaces for pods of the controller and of functions, whoever applies them.

        Args:
            names: Their names.
        """

    def prepared(self, namespaces: Iterable[str]) -> list[Object]:
        """Return the namespaces of functions, with what the pods need that others make in them.

        Args:
            namespaces: Their names.
        """

    def pulling(self, items: list[Object]) -> list[Object]:
        """Return objects whose pods pull from the registry with its credentials, if the nodes do not know them.

        Args:
            items: The objects.
        """

    def adapted(self, part: Component, items: list[Object]) -> list[Object]:
        """Return the objects of a part of the controller as they run there.

        Args:
            part: The part.
            items: Its objects, with this installation's images.
        """

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return workers with their devices.

        Args:
            names: Names of the workers.

        Raises:
            Problem: A node does not answer.
        """
