"""Looking through products that were predicted: their photos, the tree, the lists of what lies in it."""
