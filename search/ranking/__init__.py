"""What orders hits anew: whitening, expansion, reciprocal neighbours, text."""
