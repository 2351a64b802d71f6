"""What a picture file means, and how files are read and written."""
