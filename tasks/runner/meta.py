"""What a task's `meta` says about it before it runs: what it interrupts, needs root for, and means for other tasks.

    "meta": {DISRUPTS: "the running dataflow", MEANS: {"images": NOTHING, EVERY: RUN}}

`plan` reads them. What they do not state cannot be known.
"""

from __future__ import annotations

# What a task interrupts for the user, whenever it runs.
DISRUPTS = "disrupts"
# What a task needs root for: a tuple of `Root` (tasks/runner/declare.py).
ROOT = "root"
# Why a task that is named cannot be run: lines that are shown in place of a run or a plan.
REFUSED = "refused"
# A function that returns the tasks that `watch` takes if none is named, in their order.
WATCHED = "watched"
# What goes on after a run, without its lock, if a task is given an option: the name of the option, and a function.
AFTERWARDS = "afterwards"
# What a changed result of a task means for the tasks that depend on it. A key is the name of a task, the name of a
# group for all its tasks, or EVERY. A value is NOTHING or RUN. The first key that fits decides.
MEANS = "means"
EVERY = "*"

# Whether the checks of later tasks see beforehand what a task changes in place, because they compare what is there with
# what that is made from. MEANS then holds only if the result is made anew.
SEEN = "seen"
# A function that makes a task's result where `paths.source` leads: a plan calls it with a folder of its own there.
PURE = "pure"

NOTHING = "nothing"
RUN = "run"

# Whether workloads of later tasks may not be ready for a while after a task, though they stay as they are.
UNSETTLES = "unsettles"
# Whether a task only looks, or refuses: nothing else starts while it runs.
LOOKS = "looks"
# Whether a task waits for a network rather than for processors, so that it takes the place of no other.
FETCHES = "fetches"

# Its result has a name that says what it is made from, or later checks look at what it is made from.
NAMED_BY_INPUTS = {MEANS: {EVERY: NOTHING}}
LOOKS_ONLY = {**NAMED_BY_INPUTS, LOOKS: True}
REMAKES_ALL = {EVERY: RUN}
SEEN_UNLESS_REMADE = {MEANS: REMAKES_ALL, SEEN: True}
