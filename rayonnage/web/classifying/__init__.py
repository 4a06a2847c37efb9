"""What the page that classifies shows and keeps: answers, the session's history, example products."""
