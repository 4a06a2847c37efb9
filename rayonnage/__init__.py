"""The roof: the whole job in one command, one import."""
