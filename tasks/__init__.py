"""The task graph and everything its tasks do: one folder per noun. CONTRIBUTING.md draws the house and its order."""
