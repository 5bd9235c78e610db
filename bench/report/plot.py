"""The plot of the report: time per turn against pages, both on logarithmic axes."""

from __future__ import annotations

from pathlib import Path

from bench.report.turns import OURS, Curves

__all__ = ["plot_curves"]


def plot_curves(curves: Curves, title: str, picture: Path) -> None:
    """Draw everybody's curve.

    Parameters
    ----------
    curves : dict
        Times by who and by pages.
    title : str
        The machine that they were taken on.
    picture : path
        SVG or PNG by its suffix.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "clawvm"}):
        figure = Figure(figsize=(8, 5.5), layout="constrained")
        axes = figure.subplots()
        for name, curve in curves.items():
            width = 2.5 if name == OURS else 1.2
            times = [timing.median_us for timing in curve.values()]
            axes.loglog(list(curve), times, "o-", label=name, linewidth=width)
        axes.set_xlabel("pages")
        axes.set_ylabel("microseconds per turn, median")
        axes.set_title(title, fontsize="small")
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(fontsize="small")
        metadata = {"Date": None} if picture.suffix == ".svg" else None
        figure.savefig(picture, metadata=metadata)
