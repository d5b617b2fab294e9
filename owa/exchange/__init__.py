"""What OWA instances say to each other: signed batches of events, and answers that name each of them."""
