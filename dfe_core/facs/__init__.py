"""Action units: detections, templates, and how codewords and AUs cover each other."""
