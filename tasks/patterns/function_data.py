"""What the ConfigMaps of a function say in JSON: where it can run, and the pods that the controller makes of it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tasks.patterns import reading

if TYPE_CHECKING:
    from tasks.patterns.objects import Item

ITEMS, SPEC = "deployableItems", "spec"
CPU = "cpu"
SRIOV = "sriov"
# The annotation of a function's pod that says how other functions and the outside reach it.
NETWORK = "ethernet.swb.example.com/network"

Form = TypeVar("Form", bound=BaseModel)


class _Fields(BaseModel):
    """Fields that the controller takes in any spelling of small and capital letters."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = {(field.alias or name).lower(): field.alias or name for name, field in cls.model_fields.items()}
        return {names.get(str(name).lower(), name): each for name, each in value.items()}


class Deployable(BaseModel):
    """A kind of region that a function can run in; the controller takes nothing but text here."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, str]

    region: Annotated[str, Field(min_length=1)] = Field(alias="regionType")
    configuration: Annotated[str, Field(min_length=1)] = Field(alias="configName")
    specification: str = Field(alias="specName")

    @property
    def is_on_gpu(self) -> bool:
        """Whether such a region is one of a GPU."""
        return self.region != CPU


class Specification(BaseModel):
    """How much a function takes; the controller ends if one of the numbers is none."""

    model_config = ConfigDict(strict=True)

    name: str
    inputs: float | None = Field(None, alias="maxInputNum")
    outputs: float | None = Field(None, alias="maxOutputNum")
    dataflows: float = Field(1, alias="maxDataFlowsBase")
    capacity: float = Field(0, alias="maxCapacityBase")

    @property
    def is_for_a_chain(self) -> bool:
        """Whether it allows one connection in and one out; what is not given is 1."""
        return all(each is None or each >= 1 for each in (self.inputs, self.outputs))


class Port(_Fields):
    """A port of a container."""

    number: Annotated[int, Field(ge=1, le=65535)] = Field(alias="containerPort")
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class Container(_Fields):
    """A container of a function's pod."""

    image: str = ""
    ports: list[Port] = []
    resources: Any = None

    def asks_for(self, resource: str) -> bool:
        """Return whether it asks the scheduler for a device."""
        limits = self.resources.get("limits") if isinstance(self.resources, dict) else None
        return isinstance(limits, dict) and resource in limits


class PodSpec(_Fields):
    """The containers of a function's pod; the controller ends without one."""

    containers: Annotated[list[Container], Field(min_length=1)]


class Template(_Fields):
    """A function's pod."""

    spec: PodSpec


class Entry(_Fields):
    """The pod of a function for one place in a chain; the controller ends if there are no protocols."""

    receives: str = Field(alias="rxProtocol")
    sends: str = Field(alias="txProtocol")
    image: str = Field(alias="imageURI")
    template: Template
    annotations: dict[str, str] = {}
    environment: Any = Field(None, alias="envs")
    driver: str = Field("", alias="virtualNetworkDeviceDriverType")

    @property
    def images(self) -> list[str]:
        """The images that it runs."""
        return [self.image, *(each.image for each in self.template.spec.containers if each.image)]

    @property
    def network(self) -> str:
        """How the pod is reached; empty if it does not say so."""
        return SRIOV if self.driver == SRIOV else self.annotations.get(NETWORK, "")

    def variable(self, name: str) -> str:
        """Return a variable of its environment; empty if it is not given."""
        given = self.environment
        return str(given.get(name, "")) if isinstance(given, dict) else ""

    def asks_for(self, resource: str) -> bool:
        """Return whether a container asks the scheduler for a device."""
        return any(each.asks_for(resource) for each in self.template.spec.containers)

    @property
    def has_ports(self) -> bool:
        """Whether a container has a port."""
        return any(each.ports for each in self.template.spec.containers)


def parsed(item: Item, field: str, form: type[Form]) -> tuple[list[Form], list[str]]:
    """Return a list that a ConfigMap holds as JSON, and what is wrong with it.

    Args:
        item: The ConfigMap.
        field: The field of its data.
        form: The form of what is in the list.
    """
    text = item.form.data.get(field)
    if text is None:
        return [], [item.wrong(f"has no {field}", "data")]
    try:
        return _lists(form).validate_json(text), []
    except ValidationError as invalid:
        return [], [item.wrong(reading.reason_of(error), "data", field, *error["loc"]) for error in invalid.errors()]


@cache
def _lists(form: type[Form]) -> TypeAdapter[list[Form]]:
    """Return what reads lists of a form: making it takes a hundred times as long as reading one."""
    return TypeAdapter(list[form])  # type: ignore[valid-type]
