"""Styles: collected from photos, clustered into a book, chosen object by object."""
