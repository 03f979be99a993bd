"""What scoring footage is made of: the footage, the detector that scores it, and the page that shows the scores."""
