"""Many series at a time: panels of other people's data, peers in environments of their own, one page."""
