"""Programs for developers; nothing here is part of the wheel or the image."""
