"""Words to probabilities."""
