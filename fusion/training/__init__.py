"""Fitting the head on held-out probabilities."""
