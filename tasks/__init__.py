"""The graph: one module per noun. What each task does is in `actions`, how the world is called in `engines`."""
