"""Reports for people: one page that holds everything, drawn without any library."""
