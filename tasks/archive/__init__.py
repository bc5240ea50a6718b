"""The controller's source: that of its programs and images, from an archive, a folder or the sample.

origin        which of the three it is
folder        the files of a folder that count, and the copy that follows them
source        puts it into build/controller, checks it, and says whether that is up to date
facts         what it says about itself: its version, its images, its definitions
instructions  the instructions of a Dockerfile, with their lines
dockerfiles   what its Dockerfiles copy, and how they compile a program
deepstream    where its scenarios look for DeepStream
"""
