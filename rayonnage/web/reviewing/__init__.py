"""What reviewers get to see, who looks at what, and what becomes of their answers."""
