"""Attention: Grad-CAM, and how much of a map falls into a region."""
