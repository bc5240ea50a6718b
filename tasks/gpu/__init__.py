"""The server's GPU."""
