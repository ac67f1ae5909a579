//! Errors of our libraries as those of the program.

/// Our libraries' errors are fragments that fit "failed to".
pub fn fragment(error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
}
