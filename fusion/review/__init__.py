"""What people look at: the queue, their answers, the next training."""
