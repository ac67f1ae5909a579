//! What this process is and what it has used, for the run row and the report.

use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};

/// This process's environment. Variables that are not UTF-8 are passed over: none of ours can be one.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The machine's or pod's name; `unknown` where the kernel does not tell.
#[must_use]
pub fn host_name() -> String {
    read_line(Path::new("/proc/sys/kernel/hostname")).unwrap_or_else(|| "unknown".to_owned())
}

/// Processor time of this process so far, user and system together, in milliseconds.
#[must_use]
pub fn cpu_ms() -> u64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(used.tv_sec * 1_000 + used.tv_nsec / 1_000_000).unwrap_or(0)
}

/// The most memory this process has had resident, in KiB (`VmHWM`); 0 where `/proc` does not tell.
#[must_use]
pub fn peak_rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// `2 * bytes` hex characters that nobody can guess and no two processes share: from the kernel's random source. A generator seeded by
/// the clock gave two processes that started in the same instant the same run id.
///
/// # Panics
/// Where the kernel gives no random numbers: TLS would not work there either.
#[must_use]
pub fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).expect("the kernel gives random numbers");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_was_used() {
        assert!(peak_rss_kib() > 0);
        let before = cpu_ms();
        assert!(cpu_ms() >= before);
        assert_eq!(random_hex(8).len(), 16);
        assert_ne!(random_hex(8), random_hex(8));
    }
}
