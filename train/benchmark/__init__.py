"""`dfe benchmark`: the tokenizer against named rivals, and the speed of this machine, as tables."""
