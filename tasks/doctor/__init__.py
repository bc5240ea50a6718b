"""What the machine lacks."""
