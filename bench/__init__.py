"""What the project measures: benches for pytest, the gate (`bench.gate`) and the report."""
