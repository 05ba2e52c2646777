"""What sessions and jobs share of Kubernetes: pure functions over its objects."""
