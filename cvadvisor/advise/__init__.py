"""Judge facts by rules, and shape the recipe."""
