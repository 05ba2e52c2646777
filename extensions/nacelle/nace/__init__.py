"""The classifier of business activities: trained, registered and served on the platform."""
