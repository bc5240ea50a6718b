"""What a task's `meta` says of it before it runs: whom it disturbs, and what it makes others do.

    "meta": {DISRUPTS: "the running dataflow", MEANS: {"_kind": STOP, EVERY: RUN}}

`plan` reads both. What no row says cannot be known.
"""

from __future__ import annotations

# What of the user's a task interrupts, whenever it runs.
DISRUPTS = "disrupts"
# What it means for those that depend on a task that it makes something else than there was: the name of a task, of a
# group for all in it, or EVERY -> one of NOTHING, RUN, STOP. The first that fits holds.
MEANS = "means"
EVERY = "*"

NOTHING = "nothing"
RUN = "run"
STOP = "stop unless RECREATE=1"

LOOKS_ONLY = {MEANS: {EVERY: NOTHING}}
REMAKES_ALL = {EVERY: RUN}
