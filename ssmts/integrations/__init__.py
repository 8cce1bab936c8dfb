"""Adapters to other libraries, each imported on demand: `ssmts` itself loads none of them."""
