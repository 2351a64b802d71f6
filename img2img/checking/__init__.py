"""Is a data set all right? One rule a file; `check` runs them all, `report` and `page` say it."""
