"""How long things take on this machine, as ratios within one run.

graph       declares the task
measure     makes a copy of the checkout with a cluster of its own, measures, and writes the table
processors  how long the processors have worked
"""
