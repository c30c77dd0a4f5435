//! What files of others say that has no effect, or not the one it seems to have.
