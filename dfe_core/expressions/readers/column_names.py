"""What tools call the columns beside the coefficients; lower case, without spaces."""

TIMES = ("time_s", "time", "timestamp", "timestamps", "t", "seconds", "sec", "time(s)", "time[s]", "ms", "time_ms",
         "timestamp_ms", "timestampms", "milliseconds", "time_us", "timestamp_us", "time_ns", "timestamp_ns",
         "mediatime", "timecode_s")
FRAMES = ("frame", "frame_number", "frame_index", "frameindex", "framenumber", "frame_idx", "frame_id", "index")
FACES = ("face_id", "face", "face_index", "person", "person_id", "personid", "faceid")
