"""Text branch: photo -> transcript -> text features -> probabilities."""
