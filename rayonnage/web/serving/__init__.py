"""The model that answers, and how requests share it."""
