"""What the tasks do. Nothing here imports doit; the world outside is reached through `tasks.engines` only."""
