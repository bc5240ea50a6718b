"""Go programs, built from modules with a pinned Go and kept under a digest of what they are made of.

settings     the parameters that Go depends on
toolchain    which Go compiles, and its environment
modules      builds of the artifact table and of source trees; module sources
cgo          programs that link C libraries, compiled in a container
proxy        whether the module proxy has the modules of an artifact
"""
