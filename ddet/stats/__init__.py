"""Statistics: metrics, resampling, intervals over seeds, verdicts."""
