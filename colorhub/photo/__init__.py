"""Photo: any picture file to an upright grey picture and what must survive; ColorPhoto: pixels and metadata to a file.

A photo's lightness is the whole truth a colorizer works from, so reading ends in one array: ``Photo.grey``. Everything
else that a file holds (resolution, EXIF, XMP, captions, times, transparency) waits in the photo until
``ColorPhoto.save`` puts it back.
"""

from colorhub.photo.color_photo import ColorPhoto
from colorhub.photo.errors import PhotoError
from colorhub.photo.photo import Photo
from colorhub.photo.tint import ColorAnswer

__all__ = ["ColorAnswer", "ColorPhoto", "Photo", "PhotoError"]
