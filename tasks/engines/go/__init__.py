"""Go programs, built from modules by a pinned Go, and kept by what they are made of.

settings     what Go is told by the parameters
toolchain    which Go compiles, and the environment it has
modules      builds of the artifact table and of source trees; module sources
cgo          programs that link C libraries, compiled in a container
proxy        whether the module proxy has what an artifact is made of
"""
