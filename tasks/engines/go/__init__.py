"""Go programs, built from modules with a pinned Go and kept under a digest of what they are made of.

settings     the parameters that Go depends on
toolchain    which Go compiles, and its environment
memory       how much memory its compilers take
command      runs that Go
tags         the tags of a module's git repository
sources      where the go.mod and go.sum of an artifact are, resolved for another version than the pinned one
modules      builds of the artifact table and of source trees; module sources
cgo          programs that link C libraries, compiled in a container
proxy        whether the module proxy has the modules of an artifact
"""
