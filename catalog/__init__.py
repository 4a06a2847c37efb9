"""Ground floor: products, taxonomy, probabilities, plans, metrics, reports, runs."""
