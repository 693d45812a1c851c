"""What "unused" means: pure functions over frozen dataclasses; standard library only."""
