"""Messages to people: what is wrong reaches those who can mend it, gathered, at their hours, where they chose."""
