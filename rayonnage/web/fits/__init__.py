"""Models that are trained from the page: of the workspace's catalogue, or of one that was sent."""
