"""The controller's archive: the sources of its programs and images, or the sample's in their place.

source        unpacks and checks it in build/controller, and says whether that is up to date
facts         what it says about itself: its version, its images, its definitions
instructions  the instructions of a Dockerfile, with their lines
dockerfiles   what its Dockerfiles copy, and how they compile a program
deepstream    where its scenarios look for DeepStream
"""
