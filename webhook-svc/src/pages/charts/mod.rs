//! Charts: drawn here, so that they need no scripts. Numbers in, markup out; pure.

use std::fmt::Write as _;

use askama::Template;

/// Counts over time, stacked. What it shows stands in a table, too.
#[derive(Template)]
#[template(path = "charts/stacked.html")]
pub struct Stacked {
    title: &'static str,
    /// The name and the colour (1 to 6) of each series.
    series: Vec<(&'static str, u8)>,
    bars: Vec<(String, Vec<u32>)>,
    /// Where the table is, when it is not below the chart; empty otherwise.
    elsewhere: String,
}

/// Counts of several things, the most first.
#[derive(Template)]
#[template(path = "charts/ranked.html")]
pub struct Ranked {
    title: &'static str,
    /// What is counted: `Requests`.
    unit: &'static str,
    color: u8,
    rows: Vec<Row>,
    /// What the others come to; empty for nothing.
    others: String,
}

/// One row of [`Ranked`].
struct Row {
    label: String,
    count: String,
    /// How long the bar is, of 100.
    length: String,
    /// Below the base path included; empty for none.
    link: String,
}

/// The width of a bar with the space around it, and the height of all; units of the drawing.
const STEP: f64 = 10.0;
const HEIGHT: f64 = 100.0;
/// What is not nothing can be seen.
const LEAST: f64 = 0.8;

impl Stacked {
    /// A chart of `bars`: a label and a count for each of `series`, the oldest first.
    pub fn new(title: &'static str, series: &[(&'static str, u8)], bars: Vec<(String, Vec<u32>)>) -> Self {
        Self { title, series: series.to_vec(), bars, elsewhere: String::new() }
    }

    /// The same without its table, which is at `elsewhere`: base path included.
    pub fn with_table_at(self, elsewhere: String) -> Self {
        Self { elsewhere, ..self }
    }

    fn is_empty(&self) -> bool {
        self.bars.iter().all(|(_, counts)| total(counts) == 0)
    }

    /// What the highest line stands for.
    fn top(&self) -> u64 {
        nice(self.bars.iter().map(|(_, counts)| total(counts)).max().unwrap_or(0))
    }

    fn width(&self) -> f64 {
        STEP * self.bars.len() as f64
    }

    /// All bars of each series that has any, as one path: its colour and its outline.
    fn paths(&self) -> Vec<(u8, String)> {
        let mut paths: Vec<(u8, String)> = self.series.iter().map(|(_, color)| (*color, String::new())).collect();
        let scale = HEIGHT / self.top() as f64;
        for (number, (_, counts)) in self.bars.iter().enumerate() {
            let x = STEP * number as f64 + STEP * 0.14;
            let mut y = HEIGHT;
            for (count, (_, path)) in counts.iter().zip(&mut paths).filter(|(count, _)| **count > 0) {
                let height = (f64::from(*count) * scale).max(LEAST);
                y -= height;
                // Writing to a text cannot fail.
                let _ = write!(path, "M{x:.1} {y:.1}h7.2v{height:.1}h-7.2z");
            }
        }
        paths.retain(|(_, path)| !path.is_empty());
        paths
    }

    /// The bars that are not empty: where each begins, its label, and its numbers, that of all series last.
    fn told(&self) -> Vec<(f64, &str, Vec<String>)> {
        let bars = self.bars.iter().enumerate().filter(|(_, (_, counts))| total(counts) > 0);
        let told = bars.map(|(number, (label, counts))| {
            let numbers = counts.iter().map(|count| grouped(*count)).chain([grouped(total(counts))]);
            (STEP * number as f64, label.as_str(), numbers.collect())
        });
        told.collect()
    }

    /// What the three lines stand for, the highest first.
    fn ticks(&self) -> [String; 3] {
        [self.top(), self.top() / 2, 0].map(short)
    }

    /// The labels below the first, the middle and the last bar.
    fn labels(&self) -> Vec<&str> {
        let last = self.bars.len().saturating_sub(1);
        let mut at = vec![0, last / 2, last];
        at.dedup();
        at.into_iter().filter_map(|at| self.bars.get(at)).map(|(label, _)| label.as_str()).collect()
    }

    /// What it shows, in a sentence.
    fn summary(&self) -> String {
        let all: u64 = self.bars.iter().map(|(_, counts)| total(counts)).sum();
        let (first, last) = (self.bars.first(), self.bars.last());
        let label = |bar: Option<&(String, Vec<u32>)>| bar.map(|(label, _)| label.clone()).unwrap_or_default();
        format!("{}: {} from {} to {}", self.title, grouped(all), label(first), label(last))
    }
}

impl Ranked {
    /// A chart of `rows`: a name, a count, and where it leads to, or nothing; `others` is what was left out comes to.
    pub fn new(
        title: &'static str,
        unit: &'static str,
        color: u8,
        rows: Vec<(String, u32, String)>,
        others: u32,
    ) -> Self {
        let most = rows.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
        let rows = rows.into_iter().map(|(label, count, link)| {
            let length = 100.0 * f64::from(count) / f64::from(most.max(1));
            let length = if count > 0 { length.max(LEAST) } else { 0.0 };
            Row { label, count: grouped(count), length: format!("{length:.1}"), link }
        });
        let others = if others > 0 { grouped(others) } else { String::new() };
        Self { title, unit, color, rows: if most == 0 { Vec::new() } else { rows.collect() }, others }
    }
}

fn total(counts: &[u32]) -> u64 {
    counts.iter().map(|count| u64::from(*count)).sum()
}

/// The least even round number that is not below `most`: 2, 4, 6, 10, 20, 40, …
fn nice(most: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        if let Some(found) = [2, 4, 6, 10].map(|part| unit.saturating_mul(part)).into_iter().find(|it| *it >= most) {
            return found;
        }
        unit = unit.saturating_mul(10);
    }
}

/// `12,345,678`
pub fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let lead = digits.len() % 3;
    let (first, rest) = digits.split_at(lead);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let first = (!first.is_empty()).then(|| first.to_owned());
    first.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// In full as long as that is short, for tiles: `9,999`, `12.3k`.
pub fn brief(number: u64) -> String {
    if number < 10_000 { grouped(number) } else { short(number) }
}

/// As short as it can be said beside a chart: `950`, `12k`, `1.2M`.
fn short(number: u64) -> String {
    let with = |unit: u64, letter: char| match number % unit * 10 / unit {
        0 => format!("{}{letter}", number / unit),
        tenths => format!("{}.{tenths}{letter}", number / unit),
    };
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => with(1_000, 'k'),
        1_000_000..1_000_000_000 => with(1_000_000, 'M'),
        _ => with(1_000_000_000, 'G'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacked(bars: &[(&str, &[u32])]) -> Stacked {
        let bars = bars.iter().map(|(label, counts)| ((*label).to_owned(), counts.to_vec())).collect();
        Stacked::new("Requests", &[("available", 5), ("waiting", 2)], bars)
    }

    #[test]
    fn numbers_are_said_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(|it: u32| grouped(it)), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!([7, 1_000, 1_250, 2_000_000, 17_179_869_180].map(short), ["7", "1k", "1.2k", "2M", "17.1G"]);
        assert_eq!([9_999, 12_345].map(brief), ["9,999", "12.3k"]);
        assert_eq!([0, 1, 2, 3, 7, 11, 60, 61].map(nice), [2, 2, 2, 4, 10, 20, 60, 100]);
        assert_eq!(nice(u64::MAX), u64::MAX);
    }

    #[test]
    fn nothing_is_said_and_not_drawn() {
        for chart in [stacked(&[]), stacked(&[("a", &[0, 0]), ("b", &[0, 0])])] {
            let drawn = chart.render().unwrap();
            assert!(drawn.contains("Nothing in this time") && !drawn.contains("<svg"), "{drawn}");
        }
        let ranked = Ranked::new("By user", "Requests", 1, Vec::new(), 0).render().unwrap();
        assert!(ranked.contains("Nothing in this time") && !ranked.contains("<svg"), "{ranked}");
    }

    #[test]
    fn one_stands_as_high_as_it_should_and_beside_billions_it_can_be_seen() {
        let one = stacked(&[("2026-11-23", &[1, 0])]);
        assert_eq!(one.paths(), [(5, "M1.4 50.0h7.2v50.0h-7.2z".to_owned())]);
        let large = stacked(&[("a", &[u32::MAX, u32::MAX]), ("b", &[0, 1])]);
        let paths = large.paths();
        assert!(paths[1].1.ends_with("M11.4 99.2h7.2v0.8h-7.2z"), "{paths:?}");
        let drawn = large.render().unwrap();
        for told in ["8,589,934,590", "10G", "series-5", "series-2", "<figcaption>Requests</figcaption>", "As a table"]
        {
            assert!(drawn.contains(told), "{told}: {drawn}");
        }
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    }

    #[test]
    fn names_are_text_and_every_bar_has_its_number() {
        let hostile = "<script>alert(1)</script>\u{202e}".to_owned();
        let rows = vec![(hostile, 8, "/watchlist?user=1".to_owned()), ("ben".to_owned(), 2, String::new())];
        let drawn = Ranked::new("By user", "Requests", 1, rows, 1_500).render().unwrap();
        assert!(drawn.contains("&#60;script&#62;") && !drawn.contains("<script>"), "{drawn}");
        for told in ["<bdi class=\"clamp\">ben</bdi>", "width=\"25.0\"", "width=\"100.0\"", "1,500", "scope=\"row\""] {
            assert!(drawn.contains(told), "{told}: {drawn}");
        }
    }
}
