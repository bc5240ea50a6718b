"""All images: nodes, registry, controller, functions and add-ons. A new image takes one row and one folder.

graph            the tasks of node images
choices          what the parameters choose: the nodes' runtime, the node with the GPU driver, images that are built
packages         what node images still have to take from apt repositories
runtime          which container runtime the nodes have
base             the image that all others start from
node_images      the recipe for a row of settings/images.py, with its programs and the facts of this machine
ahead            programs that are fetched and compiled before the node images that take them
harbor_images    function images that are in harbor already; published_images has those of the controller
archive_images   the recipe for an image of the controller's archive; archive_context fills its build context
own_images       the recipe for a user's own function, and what it starts from
function_images  the images of functions: the user's own, or those of the controller's archive
virtual_functions the resource that the controller's functions ask for, in its source
compile_errors   what does not compile in it, by the file that the user edits
user_images      the image that only the user can build, in Docker or in the stores of podman and buildah
compilers        the recipe for a folder of kind/ that compiles programs or installs packages
addon_images     which image an add-on runs, compiled and pushed
recipe           the one type of all recipes, and their digest
building         compares the engine's image with its recipe, and builds it
"""
