"""What an evaluation found, as pages for people: one file each, no server, no network."""
