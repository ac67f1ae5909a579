//! Is it as late here as elsewhere? Compared with the time that upstreams put on their answers, which is to the second.

use std::time::Duration;

use super::finding::{Area, Finding, span};

/// Certificates, feeds and quotas forgive less than this.
const FORGIVEN: Duration = Duration::from_secs(30);

/// What an upstream's clock says, and by how much ours is ahead of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub by: String,
    /// In milliseconds; negative: ours is behind.
    pub ahead_ms: i64,
}

/// What is to be said. Where one upstream agrees with us, those that do not are wrong.
#[must_use]
pub fn judge(told: &[Told]) -> Vec<Finding> {
    let Some(nearest) = told.iter().min_by_key(|told| told.ahead_ms.abs()) else {
        let advice = "Look at what is said about the upstreams.";
        return vec![Finding::attention(Area::Clock, "nobody has told the time", advice)];
    };
    if is_off(nearest) {
        let advice =
            "Set this machine's clock (NTP): quotas, approvals, certificates and the order of webhooks depend on it.";
        let sentence =
            format!("this machine's clock is {} by the clock of {}", difference(nearest.ahead_ms), nearest.by);
        return vec![Finding::ill(Area::Clock, None, sentence, advice)];
    }
    let mut findings = vec![Finding::well(Area::Clock, format!("it is as late here as at {}", nearest.by))];
    findings.extend(told.iter().filter(|told| is_off(told)).map(|told| {
        let sentence =
            format!("by the clock of {} we are {}, and others agree with us", told.by, difference(told.ahead_ms));
        Finding::attention(Area::Clock, sentence, format!("Set the clock of {}'s machine.", told.by))
    }));
    findings
}

fn is_off(told: &Told) -> bool {
    told.ahead_ms.unsigned_abs() > FORGIVEN.as_millis() as u64
}

fn difference(ahead_ms: i64) -> String {
    let way = if ahead_ms > 0 { "ahead" } else { "behind" };
    format!("{} {way}", span(ahead_ms.unsigned_abs() / 1_000))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn said(ahead_s: &[i64]) -> Vec<(Level, String)> {
        let told: Vec<Told> =
            ahead_s.iter().enumerate().map(|(n, s)| Told { by: format!("host{n}"), ahead_ms: s * 1_000 }).collect();
        judge(&told).into_iter().map(|finding| (finding.level, finding.sentence)).collect()
    }

    #[test]
    fn a_clock_is_off_when_nobody_agrees_with_it() {
        let off = |words: &str| vec![(Level::Ill, format!("this machine's clock is {words} by the clock of host0"))];
        assert_eq!(said(&[300, 301]), off("5 min ahead"));
        assert_eq!(said(&[-300]), off("5 min behind"));
        assert_eq!(said(&[]), [(Level::Attention, "nobody has told the time".to_owned())]);
    }

    #[test]
    fn of_two_clocks_that_differ_the_one_that_agrees_with_us_is_right() {
        let agreed = (Level::Well, "it is as late here as at host1".to_owned());
        assert_eq!(said(&[30, -1]), std::slice::from_ref(&agreed));
        let wrong =
            (Level::Attention, "by the clock of host0 we are 60 min ahead, and others agree with us".to_owned());
        assert_eq!(said(&[3_600, -1]), [agreed, wrong]);
    }
}
