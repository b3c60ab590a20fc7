"""Few-shot detection in drone videos by reference images, of document 003."""
