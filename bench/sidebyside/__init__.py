"""What bench/side-by-side is made of: contestants run on a testbed, figures become charts."""
