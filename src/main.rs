//! The `burgee` program; everything is in the library.

/// Keeps the pages of large buffers, which come and go with every request; glibc gives them back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    burgee::cli::main()
}
