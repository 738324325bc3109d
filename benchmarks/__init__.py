"""`make bench`: how fast the platform is, as figures beside the floors that the same machine showed in the same run."""
