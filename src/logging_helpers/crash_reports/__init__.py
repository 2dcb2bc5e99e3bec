"""What a process leaves in its rank's file when it fails."""
