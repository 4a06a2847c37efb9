"""Where products lie: a BSON file, a folder of photos, a table of paths, a MongoDB collection."""
