"""Learning to match: photos of one product near each other, without a label that says which they are."""
