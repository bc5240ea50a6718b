"""The OpenKasugai controller."""
