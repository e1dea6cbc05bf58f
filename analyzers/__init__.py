"""What is abnormal and how much is at risk: frames in, findings out. No I/O, no clock."""
