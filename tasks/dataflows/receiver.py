"""The receiver of a video dataflow: it records whatever arrives, and runs again after each recording.

A recording plays only once its pipeline has been ended by SIGINT, and the wrapper that started the pipeline does not
start it again. So the pipeline is ended, its recording is put aside, and the same command is started in its place, all
by one script in the container: a run that is killed meanwhile leaves the receiver alive. To restart the container
instead would be slower each time, since the kubelet waits longer before each restart, and would lose the recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.dataflows import containers, pipelines
from tasks.engines.kube import manifests
from tasks.engines.programs.waiting import Condition
from tasks.problems import Problem
from tasks.settings import video

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.settings.video import Recorder

_START_SECONDS = 30.0
# The words: program, wrapper, recording, where the recording goes, seconds to end in; then the command.
# The pipeline is in a process group of its own, so that it does not end with the shell. The builtin `exec` takes back
# that background jobs of a shell ignore SIGINT.
_RENEW = (
    containers.IDS
    + """
program=$0 wrapper=$1 recording=$2 aside=$3 seconds=$4 folder=/ log=/dev/null
shift 4
set -m
lost=
for id in $(ids "$program"); do
  [[ -e $recording ]] || lost=$recording
  folder=$(readlink "/proc/$id/cwd")
  kill -INT "$id"
done
for ((tenths = 10 * seconds; tenths > 0; tenths--)); do
  [[ $(ids "$program") ]] || break
  sleep 0.1
done
if [[ $(ids "$program") ]]; then
  echo "$program has not ended $seconds s after SIGINT" >&2
  exit 1
fi
[[ ! -e $recording ]] || mv -f "$recording" "$aside" || exit 1
for id in $(ids "$wrapper"); do log=/proc/$id/fd/1; done
cd "$folder" && exec "$@" </dev/null >>"$log" 2>&1 &
[[ ! $lost ]] || { echo "$lost was removed while $program wrote it" >&2; exit 1; }
"""
)
_COMMAND = f'{containers.IDS}for id in $(ids "$0"); do cat "/proc/$id/cmdline"; break; done'
_CONFIGURATION = 'for file; do [[ ! -e $file ]] || { cat "$file"; break; }; done'
_REMAINS = 'for file; do [[ ! -e $file ]] || echo "$file"; done'
_SIZE = 'stat -c %s "$0" 2>/dev/null || echo 0'


@dataclass(frozen=True)
class Receiver:
    """The receiver of a deployed dataflow.

    Attributes:
        cluster: The API.
        pod: Its pod.
        redeployment: Command that makes it anew.
        how: How it records.
    """

    cluster: Kube
    pod: Object
    redeployment: str
    how: Recorder = video.RECORDER

    @property
    def name(self) -> str:
        """Name of its pod."""
        return manifests.name_of(self.pod)

    def recorded_bytes(self) -> int:
        """Return the size of its present recording."""
        return int(self._run(_SIZE, self.how.recording))

    def process(self) -> str:
        """Return the id of the process that listens for video, or an empty string."""
        ids, _, sockets = self._run(pipelines.LOOK, self.how.program).partition("\n")
        return ids.partition(" ")[0] if pipelines.is_bound(self.how.port, sockets) else ""

    def has_ended(self) -> bool:
        """Return whether it has recorded before and no pipeline runs; one that has yet to start has left no file."""
        if containers.processes(self.cluster, self.pod, self.how.program):
            return False
        return bool(self._run(_REMAINS, "remains", self.how.recording, self.how.finished, self.how.earlier))

    def renew(self, aside: str) -> None:
        """End the recording, put it aside, and record anew with the same command.

        Args:
            aside: Path in the pod at which the recording is then.

        Raises:
            Problem: The recording does not end, or nothing listens afterwards.
        """
        command = self._command()
        words = (self.how.program, self.how.wrapper, self.how.recording, aside, str(self.how.seconds))
        self._run(_RENEW, *words, *command)
        name = f"{self.name}: the receiver listens on UDP {self.how.port} again"
        Condition(name, self.process, bool).wait(_START_SECONDS, hint=self.redeployment)

    def ensure(self) -> None:
        """Start it if it has ended, such as by the SIGINT that makes a recording play.

        Raises:
            Problem: It does not start.
        """
        if self.has_ended():
            progress.line(f"{self.name}: the receiver had ended, and is started again")
            self.renew(self.how.earlier)

    def _command(self) -> tuple[str, ...]:
        """Return its command: that of the process or, if none runs, the one that its wrapper was told to run."""
        running = self._run(_COMMAND, self.how.program)
        if running:
            return tuple(running.split("\0")[:-1])
        command = _configured(self._run(_CONFIGURATION, "configuration", *self.how.configurations))
        if not command:
            raise Problem(f"{self.name}: no pipeline runs, and its configuration names none", hint=self.redeployment)
        return command

    def _run(self, script: str, *words: str) -> str:
        return containers.run(self.cluster, self.pod, script, *words)


def _configured(text: str) -> tuple[str, ...]:
    """Return the command that a wrapper's configuration names, in YAML or JSON; none if it names none."""
    import yaml

    try:
        found: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return ()  # whoever asks says that there is none
    command = found.get("command") if isinstance(found, dict) else None
    return tuple(str(word) for word in command) if isinstance(command, list) else ()
