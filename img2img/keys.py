"""What a batch calls its parts beside the inputs, which go by the names that the settings give them."""

TARGET = "target"  # the real picture
STYLES = "target features"  # features of the target, in place of which a style may be asked for
# In batches without inputs of the user's naming:
CLASS = "class"  # the number of a picture's class, where the spec names classes
LABELLED = "labelled"  # the picture that has the class, where the target has none
Z, CATEGORY, CODES = "z", "category", "codes"  # what a picture is drawn from

# What an input cannot be called; every key that may stand beside a user's inputs is one of them.
RESERVED = frozenset({TARGET, STYLES, "name"})
