"""A catalogue becomes an index, and stays like it: its photos embedded, what is new added, what has gone removed."""
