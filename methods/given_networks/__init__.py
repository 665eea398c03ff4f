"""Networks that a user has trained elsewhere: any `torch.nn.Module` from images to logits."""
