"""Where one stands."""
