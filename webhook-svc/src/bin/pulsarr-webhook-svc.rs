//! The service as a program of its own.

fn main() -> std::process::ExitCode {
    pulsarr_webhook_svc::main()
}
