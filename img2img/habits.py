"""What people of other tools type, and what it is called here."""

import re

# A flag (--x) or a setting, some with their value: the names that it has elsewhere. Of several
# targets of one name the first that a command has counts.
_NAMES = {
    "training.lr": "lr learning-rate lr-g g-lr base-lr",
    "training.d_lr": "lr-d d-lr",
    "training.batch_size": "batch-size batch bs train-batch-size per-device-train-batch-size",
    "training.epochs": "epochs epoch n-epochs num-epochs max-epochs num-train-epochs niter",
    "training.decay_epochs": "n-epochs-decay niter-decay",
    "--max-steps": "steps iterations iters n-iters num-iters max-iter max-iters total-iters max-train-steps",
    "training.optimizer": "optimizer optim opt",
    "training.schedule": "lr-policy scheduler lr-scheduler lr-scheduler-type",
    "training.warmup_steps": "warmup lr-warmup-steps",
    "training.weight_decay": "wd adam-weight-decay",
    "training.beta1": "beta-1 adam-beta1 b1",
    "training.beta2": "beta-2 adam-beta2 b2",
    "training.clip": "grad-clip clip-grad clip-grad-norm max-grad-norm gradient-clip-val",
    "training.ema": "ema ema-decay ema-rate use-ema",
    "training.accumulation": "gradient-accumulation-steps accumulate accum accumulation-steps",
    "training.workers": "num-workers n-workers n-threads num-threads dataloader-num-workers",
    "training.save_every": "save-epoch-freq save-latest-freq save-freq save-interval checkpointing-steps",
    "training.log_every": "print-freq log-interval log-freq logging-steps",
    "training.validate_every": "val-freq eval-every val-every eval-interval val-interval eval-steps",
    "training.samples": "num-samples display-ncols",
    "--low-memory": "gradient-checkpointing checkpointing",
    "--init-from": "load-pretrain pretrained pretrained-model finetune finetune-from load-from",
    "--precision fp16": "fp16 amp half",
    "--precision bf16": "bf16",
    "--precision": "mixed-precision",
    "--device cuda": "gpu gpus gpu-ids gpu-id cuda use-gpu",
    "--device cpu": "no-cuda no-gpu cpu use-cpu",
    "--data": "dataroot data-root data-dir dataset dataset-dir dataset-path data-path input-dir train-dir",
    "--out": "output output-dir out-dir results-dir save-path save-dir",
    "--run": "name exp-name experiment run-name checkpoints-dir output output-dir out-dir out save-dir "
    "log-dir logdir project workdir outdir",
    "--resume": "continue continue-train resume-from resume-from-checkpoint load-iter",
    "--checkpoint": "which-epoch epoch ckpt load-iter weights",
    "--stochastic": "noise",
    "--instances": "instance inst",
    "model.generator": "net-g which-model-net-g generator arch backbone",
    "model.width": "ngf g-width",
    "model.d_width": "ndf",
    "model.d_layers": "n-layers-d",
    "model.n_blocks": "n-blocks-global resnet-blocks",
    "model.n_down": "n-downsample-global",
    "model.adversarial": "gan-mode gan-loss no-lsgan",
    "model.weights.l1": "lambda-l1 l1-weight l1-lambda lambda-pixel l1",
    "model.weights.feature_matching": "lambda-feat",
    "model.weights.feature_matching=0": "no-ganfeat-loss",
    "model.weights.perceptual=0": "no-vgg-loss",
    "model.boundary=false": "no-instance",
    "model.features=true": "instance-feat",
    "model.dropout=0": "no-dropout",
    "model.latent": "nz z-dim latent-dim",
    "data.flip=false": "no-flip",
    "data.resize": "load-size image-size img-size imgsz size resolution input-size",
    "data.crop": "crop-size fine-size patch-size",
    "data.num_classes": "label-nc n-classes classes nc",
    "--ignore-id": "ignore-index ignore-label void-label",
    "--direction": "which-direction",
    "--val-fraction": "val-split val-ratio validation-split test-size",
    "--seed": "random-seed manual-seed",
}


def plain(name: str) -> str:
    """A name without what spellings differ in: `--batchSize` and `batch_size` are one."""
    return re.sub(r"[-_]", "", name).lower()


_TARGETS: dict[str, list[str]] = {}
for _target, _names in _NAMES.items():
    for _name in _names.split():
        _TARGETS.setdefault(plain(_name), []).append(_target)


def targets(name: str) -> list[str]:
    """The flags and settings here that a name of another tool may mean."""
    return _TARGETS.get(plain(name), [])
