"""One legacy state, scattered over the disk: where each session and event lies afterwards, and who says so."""
