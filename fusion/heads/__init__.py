"""Heads: what fuses the experts, and which of them is best."""
