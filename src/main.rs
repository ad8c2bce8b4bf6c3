//! Everything a process does begins in `countersign::cli`.

fn main() -> std::process::ExitCode {
    countersign::cli::main()
}
