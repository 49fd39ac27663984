"""The parts of bench/side-by-side: contestants run on a testbed, figures become charts."""
