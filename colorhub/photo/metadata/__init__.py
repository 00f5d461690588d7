"""What a photo file holds beside its pixels: read, made to fit the picture that is written, and put back."""
