"""The platform on a cluster: what is applied to one, and what it does there."""
