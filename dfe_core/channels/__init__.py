"""What else moves with faces: head pose, gaze, eyelids, the rhythm of the jaw, and how well the face was tracked."""
