"""Files: where they come from, how they are written, and what is remembered in them.

download       downloads: resumed and verified
releases       downloads of the programs of a Kubernetes release
package_index  the versions of a package that an apt repository offers
archives       unpacks archives, and refuses those that reach out of their folder
templates      renders templates to text
atomic         writes files as a whole or not at all
lock           one process at a time, and paths for files that are not yet complete
modes, trees   permission bits made the same everywhere, and digests of folders
contents       what the files of a folder hold, read again only where they may have changed
access         why a path cannot be written, and what to do about it
cache, digests answers and checksums, kept until what they depend on changes
ledgers        records of what is lent
changes        which files changed, and when to look again
checkout       copies of this checkout, for runs beside it
durations, last_parameters   how long tasks took the last time, and with which parameters they ran
"""
