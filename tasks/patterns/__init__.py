"""The dataflow patterns: what each is made of, what it needs and how its answer is verified.

The project's own are in manifest/patterns, a user's in work/patterns, each a folder with a pattern.yaml in one form.

model      a pattern, as all other code knows it
checks     how a pattern is verified
form       what a pattern.yaml may contain, and the JSON Schema of it for editors
reading    the text of a pattern.yaml: its fields, or what is wrong with it, by line
index      what all files say, kept in build/, so that they are read once and not at each command
known      the patterns of this checkout
commented  the text of a new pattern.yaml, made from another
graph      the tasks of those whose file is not valid
"""
