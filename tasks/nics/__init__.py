"""The server's SR-IOV network cards."""
