"""Few-shot detection in drone videos by reference images (the RefDet few-shot guide, document 003)."""
