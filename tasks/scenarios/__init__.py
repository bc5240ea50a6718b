"""What a pattern refers to in the cluster, before its dataflow is deployed.

graph         declares cpufunc_namespaces, post_setup, scenario and prepare_scenario
needs         what each pattern lacks here: hardware, virtual functions, parts of the source
setup         what all patterns share in the cluster: namespaces, rights, the workers' capacity
files         the files of a pattern as objects, with the images and nodes of this installation
registration  applies these objects in order, and waits until each kind is Ready
"""
