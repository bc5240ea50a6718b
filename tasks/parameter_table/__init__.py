"""The parameter table."""
