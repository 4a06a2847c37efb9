"""From the bytes of a photo to its pixels: the one decoder; which photo belongs to whom; small pictures for pages."""
