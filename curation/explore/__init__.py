"""What a catalogue holds, as one page and its numbers: `catalog explore`."""
