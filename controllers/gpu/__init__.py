"""GPU accounting (pure) and the gauges that export it."""
