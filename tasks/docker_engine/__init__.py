"""The Docker engine that everything else runs on."""
