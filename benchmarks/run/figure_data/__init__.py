"""What figures and the page need beside the tables: curves, votes on single images, the images."""
