//! Numbers as people say them.

/// How long `ms` milliseconds are: `40 ms`, `3 s`, `1 min 2 s`, `5 h 20 min`, `2 d 4 h`.
pub fn lasted(ms: i64) -> String {
    let (ms, seconds) = (ms.max(0), ms.max(0) / 1000);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, of: &str, small: i64, than: &str| match small {
        0 => format!("{large} {of}"),
        small => format!("{large} {of} {small} {than}"),
    };
    match ms {
        0..1_000 => format!("{ms} ms"),
        _ if minutes == 0 => format!("{seconds} s"),
        _ if hours == 0 => two(minutes, "min", seconds % 60, "s"),
        _ if days == 0 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// The first letters of the first two words of a name, for a picture of somebody.
pub fn initials(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(2).filter_map(|word| word.chars().next()).collect()
}

/// How many bytes these are: `512 B`, `40 kB`, `3.2 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} kB", count / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10),
        _ => format!("{}.{} GB", count / 1_000_000_000, count / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shortened_to_two_letters() {
        assert_eq!(["tomas.r", "Living Room TV", "été", "<b>", ""].map(initials), ["tr", "LR", "é", "b", ""]);
    }

    #[test]
    fn sizes_are_said_in_the_unit_that_fits() {
        assert_eq!([999, 40_960, 3_250_000, 7_010_000_000].map(bytes), ["999 B", "40 kB", "3.2 MB", "7.0 GB"]);
    }

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        let said = [0, 999, 1_000, 62_500, 3_600_000, 19_200_000, 187_200_000].map(lasted);
        assert_eq!(said, ["0 ms", "999 ms", "1 s", "1 min 2 s", "1 h", "5 h 20 min", "2 d 4 h"]);
        assert_eq!(lasted(-5), "0 ms");
    }
}
