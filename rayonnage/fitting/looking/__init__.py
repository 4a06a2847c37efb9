"""What is looked at before anything is decided: the catalogue, what it is made of, what cannot be learnt from it."""
