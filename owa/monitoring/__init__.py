"""For machines that watch OWA: metrics, health, thresholds, and a sign of life after each drain."""
