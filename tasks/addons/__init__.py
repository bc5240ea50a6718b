"""Add-ons of the cluster."""
