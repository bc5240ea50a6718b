"""How the world outside is called: one module per tool or interface."""
