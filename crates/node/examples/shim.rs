//! The shim alone, for this crate's tests: what the binary does for its hidden subcommand `shim`.

fn main() -> std::process::ExitCode {
    node::shim::main(std::env::args_os().skip(2))
}
