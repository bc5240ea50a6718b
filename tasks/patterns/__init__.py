"""The dataflow patterns: what each is made of, what it needs and how its answer is verified.

The project's own are in manifest/patterns, a user's in work/patterns, each a folder with a pattern.yaml in one form.

model      a pattern, as all other code knows it
checks     how a pattern is verified
form       what a pattern.yaml may contain, and the JSON Schema of it for editors
reading    the text of a pattern.yaml: its fields, or what is wrong with it, by line
marks      where the fields of a YAML text are
index      what all files say, kept in build/, so that they are read once and not at each command
known      the patterns of this checkout
commented  the text of a new pattern.yaml, made from another
places     where the files of a pattern are
review     what is wrong with these files: objects and function_data have the forms that the controller takes,
           found leads from one object to another, references and functions say what is missing or does not fit
reviewed   the same, kept in build/ like the index
gpu_pods   what the pods of functions on GPUs expect of their node
graph      the tasks of those whose file is not valid
"""
