"""The parts of the gradients page: its state, its controls, its presets and its panels."""
