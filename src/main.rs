//! The `burgee` program; everything is in the library.

fn main() -> std::process::ExitCode {
    burgee::cli::main()
}
