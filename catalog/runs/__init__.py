"""Configurations, runs and the workspace that keeps them."""
