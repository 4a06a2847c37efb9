"""Ground floor: products, taxonomy, probabilities, plans, metrics, reports, runs."""

from catalog.files.cores import share_cores
from catalog.files.no_reports import send_no_reports

send_no_reports()
share_cores()
