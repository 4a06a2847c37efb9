"""What is asked of an index: photos in, products out, for the command line, the page and the API."""
