"""What a pattern refers to in the cluster, before its dataflow is deployed.

graph         declares cpufunc_namespaces, post_setup, scenario_files, scenario, prepare_scenario and new_pattern
needs         what each pattern lacks here: hardware, virtual functions, parts of the source
loans         which cards and whether the GPU a whole cluster is lent
files         the files of a pattern as objects and text, with the images and nodes of this installation
setup         what all patterns share in the cluster: namespaces, rights, the workers' capacity, placement
manual_files  writes the files of the patterns that can run here, for those who register them by hand
registration  applies these objects in order, and waits until each kind is Ready
renaming      gives the objects in files other names, and leaves all other text as it is
new_pattern   makes a pattern of the user's own from another
"""
