"""The pages that members use in a browser. Part of the interface layer: no rules, no SQL."""
