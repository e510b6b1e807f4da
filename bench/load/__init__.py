"""Load over HTTP: wrk where it is installed, else a generator of our own; and one that keeps to a timetable."""
