"""Every image: of nodes, the registry, the controller, functions and add-ons. A new one is one row and one folder.

graph            the tasks of node images
choices          what the parameters choose: the nodes' runtime, whose image has the driver, the controller's images
runtime          which container runtime the nodes have
base             the image that all others start from
node_images      the recipe of a row of settings/images.py; programs and machine say what it takes
archive_images   the recipe of an image of the controller's archive; archive_context says what its Dockerfile takes
compilers        the recipe of a folder of kind/ that compiles, or that holds packages
addon_images     which image an add-on runs, compiled and pushed
recipe           the one type of all recipes, and their digest
building         what the engine lacks of a recipe, and its build
"""
