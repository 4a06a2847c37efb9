"""Default configurations, shipped inside the installed package."""
