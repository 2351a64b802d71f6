"""Networks that judge pictures by what they know of the real ones: segmenters, and a classifier."""
