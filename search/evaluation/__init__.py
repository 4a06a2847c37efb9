"""How good a search is: recall against the truth, with its page."""
