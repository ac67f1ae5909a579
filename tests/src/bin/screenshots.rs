//! Screenshots.
fn main() {}
