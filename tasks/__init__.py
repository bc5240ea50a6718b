"""The graph and all that its tasks do: one folder for a noun. CONTRIBUTING.md draws the house and its order."""
