"""Pages with figures, tables and plots."""
