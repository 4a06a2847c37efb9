"""`shelves: auto`: a sample of every Cat I is read, and those are chosen where reading pays."""
