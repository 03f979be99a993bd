"""Training: the Learner and what the fits of all papers share."""
