"""Predicting with trained networks."""
