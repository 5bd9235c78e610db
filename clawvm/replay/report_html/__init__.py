"""The report to look at: what `clawvm eval` found, as one HTML file (`docs/report.md`)."""

from .page import report_html, write_report
from .results import read_results

__all__ = ["read_results", "report_html", "write_report"]
