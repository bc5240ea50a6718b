"""What a pattern.yaml may contain: the fields with their types and meanings, as pydantic models."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"
# What calcapp makes of its inputs.
RESULTS = ("sum", "difference", "product", "quotient", "mean")

# Namespaces with programs or settings of their own: Kubernetes', the controller's, those of add-ons and of kind.
RESERVED = (
    *("default", "kube-node-lease", "kube-public", "kube-system", "local-path-storage", "metallb-system"),
    *("whitebox-k8s-flowctrl-system", "wbfunction-system", "wbconnection-system"),
    *("cluster01", "test01", "topologyinfo"),
)

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LONGEST_LABEL = 63


def _is(pattern: str, meant: str, longest: int = _LONGEST_LABEL) -> AfterValidator:
    """Return the check that the whole text matches; `meant` follows "is not"."""

    def check(text: str) -> str:
        if len(text) > longest or not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {meant}")
        return text

    return AfterValidator(check)


def _shape(pattern: str, longest: int = _LONGEST_LABEL) -> Any:
    """Return the same for the JSON Schema."""
    return Field(json_schema_extra={"pattern": f"^{pattern}$", "maxLength": longest})


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as reason:
        raise ValueError(f"{text!r} is not a regular expression: {reason}") from None
    return text


def _free(namespace: str) -> str:
    if namespace in RESERVED or namespace.startswith("kube-"):
        raise ValueError(f"{namespace!r} belongs to the cluster, the controller or an add-on")
    return namespace


def _number(value: object) -> str:
    """Return a decimal number as text: as it is sent."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not _NUMBER.fullmatch(str(value)):
        raise ValueError(f"{value!r} is not a decimal number")
    return str(value)


def _expectation(value: object) -> float | str:
    if isinstance(value, str) and value in RESULTS:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is neither a number nor one of {', '.join(RESULTS)}")
    return float(value)


_NAME = rf"{_LABEL}(\.{_LABEL})*"
_NODE = rf"({_NAME})?"
_IMAGE = r"[a-z0-9]+([._-]+[a-z0-9]+)*"
_FOLDER = r"([\w-]+(/[\w-]+)*)?"
_MEANT = "a name of lower-case letters, digits and hyphens, 63 at most"

Label = Annotated[str, _is(_LABEL, _MEANT), _shape(_LABEL)]
Namespace = Annotated[
    Label,
    AfterValidator(_free),
    Field(json_schema_extra={"not": {"anyOf": [{"enum": list(RESERVED)}, {"pattern": "^kube-"}]}}),
]
Operator = Annotated[str, _is(rf"({_LABEL})?", _MEANT), _shape(rf"({_LABEL})?")]
ObjectName = Annotated[str, _is(_NAME, "the name of an object: lower-case letters, digits, hyphens and dots", 253)]
Place = Annotated[str, _is(_NODE, "first, second or the name of a node", 253), _shape(_NODE, 253)]
ImageName = Annotated[str, _is(_IMAGE, "the short name of an image", 128), _shape(_IMAGE, 128)]
Folder = Annotated[str, _is(_FOLDER, "a folder of the scenarios, such as calc-func/basic", 200), _shape(_FOLDER, 200)]
Regex = Annotated[str, AfterValidator(_regex), Field(json_schema_extra={"format": "regex"})]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Share = Annotated[float, Field(gt=0, le=1)]
Number = Annotated[
    str,
    BeforeValidator(_number),
    WithJsonSchema({"type": ["number", "string"], "pattern": f"^({_NUMBER.pattern})$"}),
]
Expectation = Annotated[
    float | str,
    BeforeValidator(_expectation),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "enum": list(RESULTS)}]}),
]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Function(_Fields):
    """A function of the chain."""

    key: Label = Field(description="Its key in the FunctionChain.")
    image: ImageName = Field(
        description="Short name of its image: a folder of work/functions, or of the controller's functions."
    )
    node: Place = Field(
        "",
        description="The worker that it is placed on: first, second, or the name of a node. Left out: the scheduler"
        " of the controller chooses. Either all functions have one or none has.",
    )
    gpu: bool = Field(default=False, description="Whether it runs on a GPU.")
    operator: Operator = Field(
        "", description="The name by which the last function's log calls its value. Left out: its key."
    )


class Values(_Fields):
    """Values go in at the first function; the last one logs what the others made of them."""

    client: str = Field(description="Program in the first function's pod that sends the inputs.", min_length=1)
    inputs: list[Number] = Field(description="What is sent: decimal numbers.", min_length=1)
    expected: dict[str, Expectation] = Field(
        description="What each function has to answer, by key: a number, or what calcapp makes of the inputs:"
        f" {', '.join(RESULTS)}. A mean is that of the answers before it.",
        min_length=1,
    )
    tolerance: float = Field(0.0, description="How far an answer may be from the expected number.", ge=0)


class LogLine(_Fields):
    """A function logs a line."""

    function: Label = Field(description="Key of the function.")
    line: Regex = Field(description="Regular expression (Python's) that is searched for in each line.", min_length=1)
    seconds: Seconds = Field(60.0, description="How long that may take.")


class Video(_Fields):
    """A video goes in at the first function; what the last one records has to play."""

    codec: str = Field(
        "", description="Codec of the recording, such as h264. Left out: that of the video that is sent."
    )
    frames: Share = Field(0.9, description="Share of its frames that have to arrive.")
    time: Share = Field(0.9, description="Share of its time that the recording has to last.")
    mark: bool | None = Field(
        None,
        description="Whether the frames have to carry the mark of a stand-in. Left out: if a function is stood in for.",
    )


class Command(_Fields):
    """A command in a function's pod ends as expected."""

    function: Label = Field(description="Key of the function in whose pod it runs.")
    run: list[str] = Field(description="The program and its arguments.", min_length=1)
    output: Regex = Field(
        "", description="Regular expression (Python's) that has to be found in what it prints. Left out: any output."
    )
    exit: int = Field(0, description="Its exit code.", ge=0, le=255)
    seconds: Seconds = Field(30.0, description="How long it may take.")


class Verify(_Fields):
    """How the dataflow is verified, any of these; with none, it has to be Deployed and its pods Ready."""

    values: Values | None = Field(None, description=str(Values.__doc__))
    video: Video | None = Field(None, description=str(Video.__doc__))
    log: list[LogLine] = Field([], description="Lines that functions have to log.")
    command: list[Command] = Field([], description="Commands that have to end as expected.")


class PatternFile(_Fields):
    """A dataflow pattern of OpenKasugai all-in-one: what it is made of, what it needs, how it is verified."""

    summary: str = Field("", description="What it is, in a phrase, for lists. Left out: its chain.")
    namespace: Namespace = Field(description="Namespace of all its objects.")
    dataflow: Label = Field(description="Name of its DataFlow.")
    network: Literal["clusterip", "loadbalancer", "sriov"] = Field(
        "clusterip", description="How its functions reach each other."
    )
    scenario: Folder = Field(
        "",
        description="The folder of the controller's scenarios that holds its files. Left out: they are beside this.",
    )
    functions: list[Function] = Field(
        description="Its functions, in order: the first sends, the last receives.", min_length=1
    )
    images: list[ImageName] = Field(
        [], description="Short names of further images that its pods run, such as the sidecar's."
    )
    needs: list[Literal["video", "gpu"]] = Field(
        [], description="What it needs beyond what follows from its network, its functions and its verification."
    )
    multi_worker: list[Label] = Field(
        [],
        description="Keys of the functions that <name>-multi-worker has on the second worker; the others are on the"
        " first. Left out: there is no such twin.",
    )
    verify: Verify = Field(description=str(Verify.__doc__))


def models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the models that a field's value, or its items, may be of.

    Args:
        annotation: The type of the field.
    """
    parts = [annotation, *getattr(annotation, "__args__", ())]
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a pattern.yaml."""
    return {"$schema": SCHEMA_ID, **PatternFile.model_json_schema()}
