"""HTTP, thin: what the wire says is decoded and checked here, the farm is asked once, and its answer is encoded."""
