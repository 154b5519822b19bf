"""The systems that ours is compared with, one file each; a library is imported when its system is made."""
