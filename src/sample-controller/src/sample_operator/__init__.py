"""The sample controller: the OpenKasugai controller's contract in a few hundred lines, for a lab without hardware."""
