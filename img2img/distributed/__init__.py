"""Several processes: how they are started, meet, and fail together."""
