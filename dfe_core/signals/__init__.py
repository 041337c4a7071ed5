"""Sound and body signals beside a face: read from files, put on its clock by a measured offset, combined."""
