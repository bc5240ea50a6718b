"""doit, as this project uses it: between the graph and the terminal.

declare          what graph.py files build tasks from: Do, Current and Same; meta: what a task means for others
later            names a module for the graph, and imports it when one of its functions is called
commands         doit's commands as this project offers them; words: the words of their command lines,
                 some of which are refused
info_command     `doit info`; plan_command: `doit plan`, computed by plan, which has what is made of files alone
                 made by rehearsal; completion: `doit tabcompletion`;
                 kubectl_command: `doit kubectl`; watch_command: `doit watch`, in the loop of watching
reporter         what is written to the terminal of a run; screen: how it looks there; streams: where it goes
database         what doit remembers between runs
rights           what a run needs root for, from the tasks that it needs (needs)
side_by_side     runs independent tasks on threads, by their expectation of how long each takes
outlook          how long the rest of a run takes, from its plan and the schedule of what is left
libraries        what is imported before tasks run on threads; ownership: gives the user what root creates
"""
