"""Keep compressed pictures on the disk: files, their index, what may stay how long, and what is cut out of them."""
