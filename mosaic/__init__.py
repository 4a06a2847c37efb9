"""Image branch: 1-4 photos side by side, one network per image count."""
