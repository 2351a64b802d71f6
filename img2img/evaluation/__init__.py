"""How good are the pictures of a run, or of any other tool? Scores, and pages that show them."""
