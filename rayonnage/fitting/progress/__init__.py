"""How far a fit is: kept for the next call, shown to who waits, stopped where that is safe."""
