"""Messages that are the same but for numbers, hex and paths."""

import pytest

from ranklog.masking import DIGITS, mask

MASKED = {
    "step 72": "step #",
    "step 72/1000": "step #/#",
    "loss 0.1234, lr 1e-05": "loss #, lr #",
    "loss=-3.5e+10": "loss=#",
    "took 00:12:33.5": "took #",
    "1,024 samples": "# samples",
    "rank3 of node12": "rank# of node#",
    "layer_7.weight": "layer_#.weight",
    "at 0x7ffd4A2b": "at <hex>",
    "commit 3f2a91c": "commit <hex>",
    "run 123e4567-e89b-12d3-a456-426614174000": "run <hex>",
    "mesh 4x4": "mesh #x#",
    "640x480": "#x#",
    "no file /data/shard-03/a.bin": "no file <path>",
    "in ~/runs/first/logs/": "in <path>",
    "../third_party/gloo/pair.cc:547": "<path>:#",
    "read data/x": "read data/x",
    "and/or": "and/or",
    "deadbeef": "deadbeef",
    "CUDA out of memory": "CUDA out of memory",
    "": "",
    "日本 5": "日本 #",
}


@pytest.mark.parametrize(("text", "masked"), MASKED.items())
def test_numbers_hex_and_paths_are_masked(text, masked):
    assert masked == mask(text)


def test_digits_made_equal_are_of_one_length():
    assert b"step 00, 0x0f" == b"step 72, 0x3f".translate(DIGITS)
