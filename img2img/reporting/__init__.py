"""Static pages for people: text escaped, pictures inside, no other file needed."""
