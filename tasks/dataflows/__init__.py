"""The dataflows."""
