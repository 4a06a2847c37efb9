"""What changed between two dumps of a catalogue: products, their categories and photos, and the tree itself."""
