"""What a sample, a head, a loss and a metric are, a file a task."""
