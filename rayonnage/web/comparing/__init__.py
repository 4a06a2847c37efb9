"""The workspace's fusion runs: what is known of each, and how one compares with another."""
