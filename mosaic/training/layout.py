"""`mosaic.layout` for tensors: in training the mosaic is made on the device, after augmentation."""

import torch
from torch import Tensor

from mosaic.layout import WHITE, Layout, n_columns


def arrange(photos: Tensor, layout: Layout) -> Tensor:
    """`(B, N, S, S, 3)` photos, 0..255 of any dtype -> mosaics of that dtype, see `mosaic.layout.arrange`."""
    n_products, n_photos, size = photos.shape[:3]
    columns = n_columns(n_photos, layout)
    if n_photos % columns:
        photos = torch.cat([photos, torch.full_like(photos[:, :1], WHITE)], dim=1)
    rows = photos.reshape(n_products, -1, columns, size, size, 3).permute(0, 1, 3, 2, 4, 5)
    return rows.reshape(n_products, -1, columns * size, 3)
