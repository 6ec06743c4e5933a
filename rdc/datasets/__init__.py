"""Where images come from (``sources``) and how they are held (``images``)."""
