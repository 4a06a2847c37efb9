"""`rayonnage fit`: from a catalogue to a working model in one command, within the time one has."""
