"""Likely wrong labels of a catalogue, from what held-out probabilities say about them."""
