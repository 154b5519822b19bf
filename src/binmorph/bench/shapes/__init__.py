"""Networks described once and built for each system that runs them."""
