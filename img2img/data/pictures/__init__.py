"""Pictures without partners: what networks learn from that draw pictures from noise."""
