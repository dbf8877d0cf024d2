"""The as-aired log: what was broadcast where, when, by whose approval, and whether it was heard."""
