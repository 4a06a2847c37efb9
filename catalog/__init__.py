"""Ground floor: products, taxonomy, probabilities, plans, metrics, reports, runs."""

from catalog.files.no_reports import send_no_reports

send_no_reports()
