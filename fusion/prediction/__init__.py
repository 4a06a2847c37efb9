"""From a catalogue to decisions."""
