"""``python -m bench.gate [BASE] [HEAD]``."""

from bench.gate.command import main

main()
