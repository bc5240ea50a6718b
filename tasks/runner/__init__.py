"""doit, as this project uses it: between the graph and the terminal.

declare          what graph.py files make tasks of: Do, Current and Same; meta: what a task means for others
later            names a module for the graph, and imports it when one of its functions is called
commands         doit's commands as users meet them; words: the words of their command lines
info_command     `doit info`; plan_command: `doit plan`, which plan works out; completion: `doit tabcompletion`
reporter         what is written to the terminal of a run; screen: how it looks there; streams: where it goes
database         what doit remembers between runs
libraries        what is imported before tasks run on threads; ownership: what root makes belongs to the user
"""
