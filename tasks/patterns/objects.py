"""The objects in a pattern's files, each in the form that the controller takes and with the lines of its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.patterns import marks, reading
from tasks.patterns.form import Label, ObjectName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tasks.patterns.marks import Place

CONFIG_MAP, FUNCTION_TYPE, FUNCTION_CHAIN, DATA_FLOW = "ConfigMap", "FunctionType", "FunctionChain", "DataFlow"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Fields(BaseModel):
    """Fields of the controller; those that nothing here depends on are let through."""

    model_config = ConfigDict(strict=True)


class Reference(_Fields):
    """The name of another object."""

    name: str
    namespace: str

    def __str__(self) -> str:
        """Return it as users write it."""
        return f"{self.namespace}/{self.name}"


class Metadata(_Fields):
    """What an object is called."""

    name: ObjectName
    namespace: Label


class ConfigMap(_Fields):
    """A ConfigMap."""

    metadata: Metadata
    data: dict[str, str] = {}


class TypeSpec(_Fields):
    """A function in one version, and the ConfigMap that says how it is run."""

    function: str = Field(alias="functionName")
    version: str
    information: Reference = Field(alias="functionInfoCMRef")


class FunctionType(_Fields):
    """A FunctionType."""

    metadata: Metadata
    spec: TypeSpec


class ChainFunction(_Fields):
    """A function that a chain runs."""

    function: str = Field(alias="functionName")
    version: str


class End(_Fields):
    """One end of a connection."""

    key: str = Field(alias="functionKey")
    port: Annotated[int, Field(ge=0)]


class Connection(_Fields):
    """A connection of a chain; the controller has no other type than `auto`."""

    sender: End = Field(alias="from")
    receiver: End = Field(alias="to")
    type: Literal["auto"] = Field("auto", alias="connectionTypeName")


class ChainSpec(_Fields):
    """What a chain runs, and how that is connected."""

    types_in: str = Field(alias="functionTypeNamespace")
    connection_types_in: str = Field(alias="connectionTypeNamespace")
    functions: dict[str, ChainFunction]
    connections: list[Connection]


class FunctionChain(_Fields):
    """A FunctionChain."""

    metadata: Metadata
    spec: ChainSpec


class Capacity(_Fields):
    """What each function takes of what a worker offers; the controller's scheduler ends without it."""

    capacity: Annotated[int, Field(ge=0)]


class Requirements(_Fields):
    """What a dataflow takes."""

    each: Capacity = Field(alias="all")


class FlowSpec(_Fields):
    """What a dataflow runs."""

    chain: Reference = Field(alias="functionChainRef")
    requirements: Requirements
    placement: str = Field("", alias="userRequirement")


class DataFlow(_Fields):
    """A DataFlow."""

    metadata: Metadata
    spec: FlowSpec


_EXAMPLE = "example.com/v1"
# The kinds of objects that a pattern has, with their API and form.
KINDS: Mapping[str, tuple[str, type[BaseModel]]] = {
    CONFIG_MAP: ("v1", ConfigMap),
    FUNCTION_TYPE: (_EXAMPLE, FunctionType),
    FUNCTION_CHAIN: (_EXAMPLE, FunctionChain),
    DATA_FLOW: (_EXAMPLE, DataFlow),
}


@dataclass(frozen=True)
class Item:
    """An object of a pattern.

    Attributes:
        file: The file that holds it, as messages name it.
        kind: Its kind.
        form: Its fields.
        body: All of it.
        lines: The line of each field.
    """

    file: str
    kind: str
    form: Any
    body: Mapping[str, Any]
    lines: Mapping[Place, int]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.form.metadata.name)

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.form.metadata.namespace)

    @property
    def label(self) -> str:
        """Its kind and name, as users write them."""
        return f"{self.kind} {self.namespace}/{self.name}"

    def wrong(self, reason: str, *place: str | int) -> str:
        """Return a complaint about a field.

        Args:
            reason: What is wrong with it.
            place: The field.
        """
        return marks.located(self.file, self.lines, place, reason)


def read(file: str, text: bytes) -> tuple[list[Item], list[str]]:
    """Return the objects of a file, and what is wrong with the others.

    Args:
        file: The file, as messages name it.
        text: Its content.
    """
    try:
        nodes = [*yaml.compose_all(text, Loader=_LOADER)]
        bodies = [*yaml.load_all(text, Loader=_LOADER)]
    except (yaml.YAMLError, ValueError) as error:
        return [], [marks.not_yaml(error, file)]
    items: list[Item] = []
    wrong: list[str] = []
    for node, body in zip(nodes, bodies, strict=True):
        if body is not None:
            lines = {(): node.start_mark.line + 1, **marks.lines(node)}
            complaints = [f"{file}:{line}: {field}: is given twice" for field, line in marks.twice(node)]
            wrong += complaints or [*_object(file, body, lines, items)]
    return items, wrong


def _object(file: str, body: Any, lines: Mapping[Place, int], items: list[Item]) -> Iterator[str]:
    """Yield what is wrong with an object; one with which nothing is is added to the items."""
    if not isinstance(body, dict) or "kind" not in body:
        yield marks.located(file, lines, (), "is no Kubernetes object")
        return
    kind = str(body["kind"])
    if kind not in KINDS:
        yield marks.located(file, lines, ("kind",), f"{kind} cannot be in a pattern, only {', '.join(KINDS)}")
        return
    version, form = KINDS[kind]
    if body.get("apiVersion") != version:
        yield marks.located(
            file, lines, ("apiVersion",), f"{body.get('apiVersion')!r} is not that of {kind}: {version}"
        )
        return
    try:
        items.append(Item(file, kind, form.model_validate(body), body, lines))
    except ValidationError as invalid:
        for error in invalid.errors():
            yield marks.located(file, lines, error["loc"], reading.reason_of(error))
