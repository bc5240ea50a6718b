"""How a deployed dataflow is verified: any of these, or none."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Values:
    """Values go in at the first function, and the last one has to log what the others made of them.

    Attributes:
        client: Program in the first function's pod that sends the inputs.
        inputs: What is sent, as decimal numbers.
        expected: What a function has to answer, by key: a number, or the name of one of `calcapp`'s results.
        tolerance: How far an answer may be from a number.
    """

    client: str
    inputs: tuple[str, ...]
    expected: Mapping[str, float | str]
    tolerance: float = 0.0

    @property
    def has_numbers(self) -> bool:
        """Whether a number is expected, which holds for the pattern's own inputs only."""
        return any(not isinstance(value, str) for value in self.expected.values())

    def sending(self, inputs: tuple[str, ...]) -> Values:
        """Return the same with other inputs; without any, or where numbers are expected, its own stay."""
        return self if not inputs or self.has_numbers else replace(self, inputs=inputs)


@dataclass(frozen=True)
class LogLine:
    """A function has to log a line.

    Attributes:
        function: Key of the function.
        line: Regular expression that is searched for in each line since the function's container started.
        seconds: How long that may take.
    """

    function: str
    line: str
    seconds: float = 60.0


@dataclass(frozen=True)
class PlayedVideo:
    """A video goes in at the first function, and what the last one records has to play.

    Attributes:
        codec: Codec of the recording, as FFmpeg names it; empty for that of the video that is sent.
        frames: Share of its frames that have to arrive, from 0 to 1.
        time: Share of its time that the recording has to last, from 0 to 1.
        mark: Whether the frames have to carry the mark of a stand-in, if not it is not looked for; None: they have to
            if a function is stood in for.
    """

    codec: str = ""
    frames: float = 0.9
    time: float = 0.9
    mark: bool | None = None


@dataclass(frozen=True)
class Command:
    """A command in a function's pod has to end as expected.

    Attributes:
        function: Key of the function.
        run: The program and its arguments.
        output: Regular expression that has to be found in what it prints; empty if that does not matter.
        exit: Exit code.
        seconds: How long it may take.
    """

    function: str
    run: tuple[str, ...]
    output: str = ""
    exit: int = 0
    seconds: float = 30.0


@dataclass(frozen=True)
class Verification:
    """How a dataflow is verified; with nothing, it has to be Deployed, and its pods Ready.

    Attributes:
        values: The values that it calculates.
        video: The video that it passes on.
        log: The lines that its functions log.
        commands: The commands that are run in its pods.
    """

    values: Values | None = None
    video: PlayedVideo | None = None
    log: tuple[LogLine, ...] = ()
    commands: tuple[Command, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of checks that there are, in the order in which they are done."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name))
