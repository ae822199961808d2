"""A recording as one .npz file without pickles, and back."""
