"""What this machine has of what the work needs: `rayonnage doctor`.

Nothing but the standard library is imported before it is known to be there.
"""
