"""Results as files for other programs: tables, annotation tools, BIDS, NWB."""
