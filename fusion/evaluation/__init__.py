"""How good it is: one page, and runs against each other."""
