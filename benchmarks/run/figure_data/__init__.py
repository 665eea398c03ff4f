"""Further data of the figures and the page: curves, votes on single images, the images."""
