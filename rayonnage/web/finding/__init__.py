"""Products like another one, found in the workspace's index."""
