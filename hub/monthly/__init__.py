"""The month in sums: energy, hours on, faults, availability, recording; on the page, as files, on paper."""
