"""`make gpu`: training steps on a GPU beside the same networks in PyTorch, and the share of the card's matrix peak."""
