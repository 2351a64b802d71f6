"""Settings of runs that are trained in a second."""

SETTINGS = [
    *("--device", "cpu", "training.workers=0", "model.weights.perceptual=0"),
    *("data.scene_size=[32, 48]", "data.scenes=8", "data.val_scenes=12"),
    *("model.width=4", "model.n_down=2", "model.n_blocks=1", "model.d_width=4"),
]
