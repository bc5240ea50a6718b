"""The controller's archive."""
