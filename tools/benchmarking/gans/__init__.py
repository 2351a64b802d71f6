"""What the models without pairs learn from few small pictures: `tools/gan_core.py`."""
