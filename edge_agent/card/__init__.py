"""Cards of boxes: from a sheet of nodes to the settings on a card's FAT partition, and to the label on the box."""
