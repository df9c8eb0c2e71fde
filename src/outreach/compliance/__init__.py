"""May this notice go now? Packs as data, rules as small pure functions, the gate, the words."""
