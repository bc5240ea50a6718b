"""Whether a video went through the functions that are stood in for: each draws its mark into every frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.dataflows import containers
from tasks.engines.media import marks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.engines.media.video import Video

# In the image of a stand-in: what it is, and what decodes the frames.
_STAND_IN = "/stand-in"
_DECODER = "/decoder"
# A stand-in marks every frame. A packet that is lost on the way can spoil the marks up to the next key frame; with one
# lost in a few hundred frames, 95 % are left.
SHARE = 0.95


@dataclass(frozen=True)
class Marked:
    """The functions of a video dataflow that are stood in for.

    Attributes:
        flow: The dataflow.
        pods: The pods of its functions, by key.
        share: Returns the share of a video's frames that carry the mark, from 0 to 1.
    """

    flow: Flow
    pods: Mapping[str, Object]
    share: Callable[[Path], float] = marks.marked_share

    @cached_property
    def stand_ins(self) -> dict[str, str]:
        """What each stand-in says that it is and what decodes in it, by key of the function."""
        on_gpu = {key: pod for key, pod in self.pods.items() if containers.device(pod) == containers.GPU}
        found = {key: containers.content(self.flow.cluster, pod, _STAND_IN) for key, pod in on_gpu.items()}
        # The line about the decoder says what the stand-in is, too.
        return {
            key: containers.content(self.flow.cluster, on_gpu[key], _DECODER) or name
            for key, name in found.items()
            if name
        }

    @property
    def is_looked_for(self) -> bool:
        """Whether the frames have to carry the mark: what the pattern says or else, if a function is stood in for."""
        asked = self.flow.pattern.verification.video
        return bool(self.stand_ins) if asked is None or asked.mark is None else asked.mark

    def complaint(self, path: Path, received: Video | None) -> str:
        """Return which function did not see all frames of a recording, or an empty string.

        Args:
            path: The recording.
            received: What was found out about it; None if it does not play.
        """
        if received is None or not self.is_looked_for:
            return ""
        share = self.share(path)
        if share >= SHARE:
            return ""
        carry = f"{round(share * received.frames)} of {received.frames} received frames carry"
        passed_by = ", ".join(self.stand_ins)
        return f"{passed_by} was passed by: {carry} its mark" if passed_by else f"{carry} the mark of a stand-in"

    def said(self) -> tuple[str, ...]:
        """Return what there is to say of a recording that passed, one phrase for each stand-in."""
        if not self.is_looked_for:
            return tuple(f"{key}: {line}" for key, line in self.stand_ins.items())
        named = tuple(f"{key}: {line}, its mark is in the frames" for key, line in self.stand_ins.items())
        return named or ("the mark of a stand-in is in the frames",)
