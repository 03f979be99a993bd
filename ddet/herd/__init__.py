"""Herd Mentality in Augmentation (arXiv 2410.05466): augmentation, masked eyes, weighted loss."""
