"""Parameters, paths and pinned tables. Read by every floor; reads no other floor."""
