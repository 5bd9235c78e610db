"""The report to look at: what `clawvm eval` found, as one HTML file (`docs/report.md`)."""

from ..evaluation.results import read_results
from .page import report_html, write_report

__all__ = ["read_results", "report_html", "write_report"]
