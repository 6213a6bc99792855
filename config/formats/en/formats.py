"""Times to the second: here it matters which came first. With their zone, which no line end parts from the time."""

DATETIME_FORMAT = "Y-m-d H:i:s\u00a0T"
SHORT_DATETIME_FORMAT = "Y-m-d H:i\u00a0T"
DATE_FORMAT = "Y-m-d"
SHORT_DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
