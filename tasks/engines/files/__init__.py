"""Files: where they come from, how they are written, and what is remembered of them.

download       from the network, resumed and verified
releases       programs of a Kubernetes release, by download
archives       unpacked, and refused where they reach out of their folder
templates      text rendered from a template
atomic         written whole or not at all
lock           one process at a time, and folders made beside their place
modes, trees   permission bits made the same everywhere, and digests of folders
access         why a path cannot be written, and what to do about it
cache, digests answers and checksums that are kept until their question changes
ledgers        records of what was lent
checkout       copies of this checkout, for runs beside it
durations, last_parameters   how long tasks took the last time, and with which parameters
"""
