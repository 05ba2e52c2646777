"""The classifier as a service: what stands behind /services/nace/."""
