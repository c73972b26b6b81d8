"""Finding the same picture again after it was changed: candidates by descriptors, each then aligned and compared."""
