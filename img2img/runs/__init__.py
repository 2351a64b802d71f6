"""What a training leaves on disk: run folders, checkpoints, records. Written by training, read by all after it."""
