"""Ids of products and categories, whatever a shop has: 64 bits inside, the shop's own form outside."""
