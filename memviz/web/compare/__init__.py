"""The compare page: up to six cells or settings beside each other on the same input."""
