"""Off-screen pictures, animations and mesh export."""
