"""Photos as bytes: what their headers say, and small pictures for pages."""
