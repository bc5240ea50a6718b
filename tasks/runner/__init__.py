"""doit."""
