"""What encoded photos announce, a module per format: read with bounds, nothing is decoded."""
