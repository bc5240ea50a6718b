"""A dataflow pattern, as all other code knows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from tasks.patterns.checks import Command, LogLine, PlayedVideo, Values, Verification
from tasks.settings.checks import GPU, LOADBALANCER, NICS, VIDEO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Network = Literal["clusterip", "loadbalancer", "sriov"]

# The places of a pattern that is spread over two workers; any other place is the name of a node.
FIRST, SECOND = "first", "second"
_NTH = {FIRST: 1, SECOND: 2}
# The end of the name of a pattern's twin.
TWIN = "-multi-worker"

_NETWORK_NEEDS: dict[Network, tuple[str, ...]] = {
    "clusterip": (),
    "loadbalancer": (LOADBALANCER,),
    "sriov": (NICS,),
}


@dataclass(frozen=True)
class Hop:
    """A function of a chain.

    Attributes:
        key: Its key in the FunctionChain.
        operator: What it computes, as the receiver's log calls it; empty if it only passes values on.
        image: Short name of its image.
        place: FIRST, SECOND or the name of a node; empty leaves it to the scheduler.
        is_on_gpu: Whether it runs on a GPU.
    """

    key: str
    operator: str = ""
    image: str = ""
    place: str = ""
    is_on_gpu: bool = False


@dataclass(frozen=True)
class Pattern:
    """A dataflow that can be deployed and verified.

    Attributes:
        name: Name of its tasks.
        file: Its pattern.yaml, as messages name it.
        folder: Its folder under the scenarios of the controller's source; empty if its files are beside its
            pattern.yaml.
        is_own: Whether it is the user's.
        namespace: Namespace of all its objects.
        dataflow: Name of its DataFlow.
        hops: Its functions, in order; the first sends, the last receives.
        images: Short names of the images that its pods run.
        network: How its functions reach each other.
        verification: How its dataflow is verified.
        needs: What it needs from the machine beyond what every dataflow needs, in the words of `settings.checks`.
        summary: What it is, in a phrase.
    """

    name: str
    file: str
    folder: str
    is_own: bool
    namespace: str
    dataflow: str
    hops: tuple[Hop, ...]
    images: tuple[str, ...]
    network: Network = "clusterip"
    verification: Verification = field(default_factory=Verification)
    needs: tuple[str, ...] = ()
    summary: str = ""

    @property
    def home(self) -> str:
        """Name of the folder of its pattern.yaml; a twin has that of its pattern."""
        return self.file.split("/")[-2]

    @property
    def client(self) -> str:
        """Program in the first function's pod that sends the inputs; empty if no values are sent."""
        return self.verification.values.client if self.verification.values else ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that are sent."""
        return self.verification.values.inputs if self.verification.values else ()

    def sending(self, inputs: tuple[str, ...]) -> Pattern:
        """Return the same pattern with other inputs to send; without any, or where numbers are expected, unchanged."""
        values = self.verification.values
        if values is None:
            return self
        return replace(self, verification=replace(self.verification, values=values.sending(inputs)))

    @property
    def keys(self) -> frozenset[str]:
        """Keys of its functions."""
        return frozenset(hop.key for hop in self.hops)

    @property
    def is_placed(self) -> bool:
        """Whether it asks for nodes; otherwise the scheduler chooses."""
        return any(hop.place for hop in self.hops)

    @property
    def places(self) -> frozenset[str]:
        """The places that its functions ask for, as they are written: FIRST, SECOND and names of nodes."""
        return frozenset(hop.place for hop in self.hops if hop.place)

    def fits(self, workers: Sequence[str]) -> bool:
        """Return whether there is a worker for each of its places; nodes that it names are not looked at.

        Args:
            workers: Names of the nodes that run functions, in order.
        """
        return len(workers) >= max((number for place, number in _NTH.items() if place in self.places), default=0)

    @property
    def vfs(self) -> int:
        """Number of virtual functions that it takes: one for each function."""
        return len(self.hops) if self.network == "sriov" else 0

    @property
    def vfs_each(self) -> int:
        """Number of virtual functions that each of the two workers must have; without named nodes, it may spread."""
        if not self.vfs:
            return 0
        return max(Counter(hop.place for hop in self.hops).values()) if self.is_placed else self.vfs - self.vfs // 2

    @property
    def on_gpu(self) -> frozenset[str]:
        """Keys of its functions that run on a GPU."""
        return frozenset(hop.key for hop in self.hops if hop.is_on_gpu)

    def nodes(self, workers: Sequence[str]) -> dict[str, str]:
        """Return the node that each function asks for, by key; nothing for those that leave it to the scheduler.

        Args:
            workers: Names of the nodes that run functions, in order: one for each place, as `fits` says.
        """
        places = dict(zip((FIRST, SECOND), workers, strict=False))
        return {hop.key: places.get(hop.place, hop.place) for hop in self.hops if hop.place}

    def twin(self, on_second: frozenset[str]) -> Pattern:
        """Return the same pattern, spread over two workers.

        Args:
            on_second: Keys of the functions on the second worker; the others are on the first.
        """
        hops = tuple(replace(hop, place=SECOND if hop.key in on_second else FIRST) for hop in self.hops)
        return replace(self, name=f"{self.name}{TWIN}", hops=hops, summary=f"{self.summary}, spread over both workers")


def made(name: str, file: str, spec: Mapping[str, Any], *, is_own: bool) -> list[Pattern]:
    """Return the pattern that a valid pattern.yaml describes, and its twin if it names one.

    Args:
        name: Name of its folder.
        file: The pattern.yaml, as messages name it.
        spec: Its fields, as `form` returns them: with every default filled in.
        is_own: Whether it is the user's.
    """
    hops = tuple(_hop(function, spec) for function in spec["functions"])
    network: Network = spec["network"]
    verification = _verification(spec["verify"])
    chain = f"{spec['dataflow']} ({network}): {' > '.join(hop.key for hop in hops)}"
    pattern = Pattern(
        name=name,
        file=file,
        folder=spec["scenario"],
        is_own=is_own,
        namespace=spec["namespace"],
        dataflow=spec["dataflow"],
        hops=hops,
        images=tuple(dict.fromkeys([*(hop.image for hop in hops), *spec["images"]])),
        network=network,
        verification=verification,
        needs=_needs(spec["needs"], hops, network, verification),
        summary=spec["summary"] or chain,
    )
    on_second = frozenset(spec["multi_worker"])
    return [pattern, *([pattern.twin(on_second)] if on_second else [])]


def _needs(named: list[str], hops: tuple[Hop, ...], network: Network, verification: Verification) -> tuple[str, ...]:
    video = (VIDEO,) if verification.video else ()
    gpu = (GPU,) if any(hop.is_on_gpu for hop in hops) else ()
    return tuple(dict.fromkeys([*video, *gpu, *_NETWORK_NEEDS[network], *named]))


def _hop(function: Mapping[str, Any], spec: Mapping[str, Any]) -> Hop:
    key = function["key"]
    expected = (spec["verify"]["values"] or {}).get("expected", {})
    operator = (function["operator"] or key) if key in expected else ""
    return Hop(key, operator, function["image"], function["node"], is_on_gpu=function["gpu"])


def _verification(spec: Mapping[str, Any]) -> Verification:
    values, video = spec["values"], spec["video"]
    return Verification(
        values=Values(**{**values, "inputs": tuple(values["inputs"])}) if values else None,
        video=PlayedVideo(**video) if video else None,
        log=tuple(LogLine(**each) for each in spec["log"]),
        commands=tuple(Command(**{**each, "run": tuple(each["run"])}) for each in spec["command"]),
    )
