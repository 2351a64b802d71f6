"""Small networks that judge pictures, trained on the spot."""
