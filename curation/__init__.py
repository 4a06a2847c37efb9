"""Know, clean, cut and convert a catalogue."""
