"""Images of bits to bit planes and back."""

from __future__ import annotations

import numpy as np
from kernel_testing import (
    assert_tails_zero,
    equals_reference,
    every_kernel,
    kernels,
    pack_rows,
    random_rows,
    reference_of,
    words_for,
)

BITS = [1, 2, 7, 63, 64, 65, 100, 127, 128, 129, 320]
LANE_WORDS = [1, 2, 3, 4, 5, 7, 8, 9, 12]


def counts(rng, lane_words):
    return {0, 1, 64 * lane_words - 1, 64 * lane_words, *rng.integers(1, 64 * lane_words, 2).tolist()}


def spread(images, image_words):
    """The images `image_words` apart; the last one ends with its own last word."""
    count, words = images.shape
    apart = np.full((count, image_words), 2**64 - 1, np.uint64)
    apart[:, :words] = images
    return apart.ravel()[: max(0, (count - 1) * image_words + words) if count else 0]


@every_kernel("images_to_planes")
def test_images_to_planes_equals_reference(kernel, edge):
    rng = np.random.default_rng(1)
    for bits in BITS:
        for lane_words in LANE_WORDS:
            for count in counts(rng, lane_words):
                image_words = words_for(bits) + int(rng.integers(0, 2))
                images = spread(random_rows(rng, count, bits), image_words)
                args = {"count": count, "image_words": image_words, "bits": bits, "lane_words": lane_words}
                out = (bits * lane_words, np.uint64)
                planes = equals_reference("images_to_planes", kernel, edge, {"images": images}, out, **args)
                lanes = planes.reshape(bits, lane_words)[:, : words_for(count)]
                if count:
                    assert_tails_zero(lanes, count)


@every_kernel("planes_to_images")
def test_planes_to_images_equals_reference(kernel, edge):
    rng = np.random.default_rng(2)
    for bits in BITS:
        for lane_words in LANE_WORDS:
            for count in counts(rng, lane_words):
                image_words = words_for(bits) + int(rng.integers(0, 2))
                planes = rng.integers(0, 2**64, bits * lane_words, np.uint64)
                args = {"count": count, "image_words": image_words, "bits": bits, "lane_words": lane_words}
                size = (count - 1) * image_words + words_for(bits) if count else 0
                out = (size, np.uint64)
                equals_reference("planes_to_images", kernel, edge, {"planes": planes}, out, **args)


def test_transpose_reference_equals_numpy():
    rng = np.random.default_rng(3)
    pixels = rng.random((100, 70)) < 0.5
    planes = kernels.images_to_planes(
        reference_of("images_to_planes"), pack_rows(pixels).ravel(), 100, 2, 70, 2
    )
    np.testing.assert_array_equal(planes.reshape(70, 2), pack_rows(pixels.T))
    images = kernels.planes_to_images(reference_of("planes_to_images"), planes, 2, 70, 100, 2)
    np.testing.assert_array_equal(images.reshape(100, 2), pack_rows(pixels))
