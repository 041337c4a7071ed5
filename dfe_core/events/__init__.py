"""Labels in time: events and segments of recordings, from other programs' files into one table per dataset."""
