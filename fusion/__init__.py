"""Experts pooled along the tree, decisions, submissions and reports."""
