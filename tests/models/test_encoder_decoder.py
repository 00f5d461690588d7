"""Report 000: layers as in the table, and a classifier that borrows the encoder."""

from pathlib import Path

import pytest
import torch
from torch import nn

from colorhub.models import EncoderClassifier, EncoderDecoder, UNet


def _count(model: nn.Module, trainable: bool = False) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad or not trainable)


def _parameters_of(layers: list[tuple[int, int, int, bool]]) -> int:
    """Kernel side, channels before and after, BatchNorm: convolutions with bias."""
    return sum(k * k * before * after + after + (2 * after if norm else 0) for k, before, after, norm in layers)


def test_encoder_decoder_has_the_layers_of_the_table() -> None:
    w = 64
    encoder = [(3, 1, w, False), (4, w, 2 * w, True), (3, 2 * w, 2 * w, False), (4, 2 * w, 4 * w, True)]
    encoder += [(3, 4 * w, 4 * w, False)] * 2 + [(4, 4 * w, 8 * w, True)] + [(3, 8 * w, 8 * w, False)] * 4
    decoder = [(3, 8 * w, 8 * w, False)] * 4 + [(4, 8 * w, 4 * w, True), (3, 4 * w, 4 * w, False)]
    decoder += [(4, 4 * w, 2 * w, True), (3, 2 * w, 2 * w, False), (4, 2 * w, w, True), (3, w, 2, False)]
    assert len(encoder) == 11
    with torch.device("meta"):
        model, classifier = EncoderDecoder(), EncoderClassifier()
    assert _count(model.encoder) == _count(classifier.encoder) == _parameters_of(encoder)
    assert _count(model) == _parameters_of(encoder + decoder)


def test_classifier_borrows_the_encoder_and_can_keep_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    colorizer = EncoderDecoder(width=4).eval()
    classifier = EncoderClassifier(width=4, classes=3, class_names=["cat", "dog", "ship"])
    L = torch.rand(4, 1, 32, 32) * 100
    classifier.borrow_encoder(colorizer, freeze=True)
    classifier.train()
    expected = colorizer.encoder(L / 50 - 1)
    assert torch.equal(classifier.encoder(L / 50 - 1), expected)
    assert expected.shape == (4, 32, 4, 4)
    classifier(L).square().mean().backward()
    assert all((weight.grad is None) == name.startswith("encoder.") for name, weight in classifier.named_parameters())
    classifier.eval().save_pretrained(tmp_path)
    loaded = EncoderClassifier.from_pretrained(tmp_path)
    assert torch.equal(loaded(L), classifier(L))
    assert loaded.class_names == ("cat", "dog", "ship")
    assert loaded(torch.rand(1, 1, 5, 37) * 100).shape == (1, 3)


def test_borrowing_trains_on_without_touching_the_lender() -> None:
    colorizer, classifier = EncoderDecoder(width=4), EncoderClassifier(width=4, classes=3)
    classifier.borrow_encoder(colorizer)
    classifier(torch.rand(2, 1, 32, 32) * 100).square().mean().backward()
    assert all(weight.grad is not None for weight in classifier.parameters())
    assert all(weight.grad is None for weight in colorizer.parameters())


def test_classifier_says_what_it_cannot_borrow() -> None:
    classifier = EncoderClassifier(width=4)
    with pytest.raises(ValueError, match="width 8, the classifier 4: build it with width=8"):
        classifier.borrow_encoder(EncoderDecoder(width=8))
    with pytest.raises(ValueError, match="got UNet"):
        classifier.borrow_encoder(UNet(width=4, depth=3))
    with pytest.raises(ValueError, match="a name for each, got 3"):
        EncoderClassifier(classes=3, class_names=["one"])


def test_dropout_is_there_while_training_alone() -> None:
    torch.manual_seed(0)
    model, L = EncoderDecoder(width=4, dropout=0.5), torch.rand(1, 1, 16, 16) * 100
    plain = EncoderDecoder(width=4)
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(L).ab, plain.eval()(L).ab)
    model.train()
    assert not torch.equal(model(L).ab, model(L).ab)
    with pytest.raises(ValueError, match="dropout must be"):
        EncoderDecoder(dropout=1.0)
