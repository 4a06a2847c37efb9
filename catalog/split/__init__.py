"""Which products are held out when."""
