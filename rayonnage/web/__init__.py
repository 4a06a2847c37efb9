"""The page and the HTTP API: `rayonnage serve`."""
