"""Left against right: how far each side of a face moves, in mm, at rest and at the apex of its movements."""
