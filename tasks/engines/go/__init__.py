"""Go programs."""
