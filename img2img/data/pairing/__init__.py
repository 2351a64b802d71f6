"""Behind `data.layouts`: recognising folders and CSVs, names that belong together."""
