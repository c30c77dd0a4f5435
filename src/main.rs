//! The `burgee` program; everything is in the library.

/// Keeps the pages of large buffers, which come and go with every request; glibc gives them back each time. Built without
/// pages of 2 MiB: a collector without traffic fills a fraction of them, and one with traffic is no faster by them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    burgee::cli::main()
}
