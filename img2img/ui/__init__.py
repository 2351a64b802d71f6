"""The style picker: styles chosen object by object and label maps edited, in a browser or without."""
