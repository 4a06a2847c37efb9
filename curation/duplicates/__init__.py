"""Photos that products share: exact and near copies, and what links them."""
