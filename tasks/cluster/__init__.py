"""The kind cluster."""
