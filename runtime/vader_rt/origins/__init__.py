"""Where a recovered room comes from: frames and times, for people who have to show that."""
