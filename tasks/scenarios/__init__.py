"""What a pattern refers to."""
