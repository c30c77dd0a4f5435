//! What changes payloads on their way: one folder per processor.

pub mod batch;
pub mod feature_flag;
pub mod memory_limiter;
