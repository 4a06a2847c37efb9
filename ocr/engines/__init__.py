"""What reads a photo."""
