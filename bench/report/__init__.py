"""The report: every figure that the project claims, measured anew by ``python -m bench report``."""
