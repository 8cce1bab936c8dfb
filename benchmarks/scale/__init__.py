"""What it costs: rows a second, memory, latency, streams, time to accuracy, search within a budget."""
