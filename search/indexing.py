"""A catalogue becomes an index: its photos embedded, added, removed."""
