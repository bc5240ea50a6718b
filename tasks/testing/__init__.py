"""The project's own tests.

graph  declares the task
tiers  runs the tiers of settings/tiers.py in their order
"""
