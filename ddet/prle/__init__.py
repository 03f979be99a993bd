"""PRLE: localise primary regions by several detectors, hide them in training."""
