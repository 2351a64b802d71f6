"""Faces cut out of a folder of pictures."""
