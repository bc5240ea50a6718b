"""What is known before a run: tables, paths and parameters. Every flat reads them; they read no flat.

parameters  the parameters of a run: layers < model < rules < check
paths       the folders of a checkout
scenarios, controller, video                 what dataflows and the controller are made of
images, packages, artifacts, addons          what is built and installed
cluster, node_steps, nics, gpu, registry     the names, places and parts of each; emulation: what is stood in for
target, target_rights, daemon_rights         which cluster that is, its marks, and who may do what there
gpu_offer                                    how a cluster that exists already offers GPUs
sriov                                        the operator that makes virtual functions in a cluster of others
stages                                       what kinds of clusters do in different ways, or not at all
checks, tiers, benchmark                     what doctor looks at, which tests there are, what should be quick
expected                                     how long tasks take that have not run here yet
watch, leftovers                             what `watch` looks at; what lies beside sources without being one
makefile, spellings                          what users of the original type; how a task's name may be written
credentials, references                      what only the environment holds; names as Docker reads them
"""
