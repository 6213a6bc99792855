"""Black-box tests: over HTTP and by commands, against the real product with all of its processes."""
