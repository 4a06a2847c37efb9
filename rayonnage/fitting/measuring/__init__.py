"""What the machine does in a second, by some twenty seconds of the work that a fit consists of."""
