"""A user's own functions: each is a folder of work/functions with a Dockerfile, and perhaps its source.

folders      which there are, and which of them cannot be built
content      the files that a folder's image is made of
dockerfile   a folder's Dockerfile: what its stages start from, and what is put in place of that
go_stage     a stage that does nothing but compile Go programs, so that it needs no image with Go
graph        the tasks of those that cannot be built
"""
