"""From video to recordings: decoding, MediaPipe's Face Landmarker, faces followed, results kept by content.

Needs the optional extra: ``pip install 'dfe[video]'``.
"""
