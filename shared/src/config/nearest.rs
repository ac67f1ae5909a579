//! The known word a typing mistake probably meant.

/// The candidate that differs least from `word`, in any case of letters; `None` when nothing is close: more than one
/// edit per three characters, or more than three edits. An edit adds, drops or changes a character, or swaps two
/// neighbours.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // A longer word cannot be near any of ours, and the comparison costs the product of the lengths.
    if word.len() > 64 {
        return None;
    }
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let distances = candidates.into_iter().map(|known| (distance(&word, &known.to_lowercase()), known));
    distances.filter(|(edits, _)| *edits <= allowed).min_by_key(|(edits, _)| *edits).map(|(_, known)| known)
}

/// How many edits turn `a` into `b`: Levenshtein's distance with swapped neighbours as one edit.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut edits = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before_last[j - 2] + 1);
            }
            row.push(edits);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let check = |a, b, edits| assert_eq!(distance(a, b), edits, "{a} → {b}");
        check("tags", "tags", 0);
        check("", "tags", 4);
        check("tag", "tags", 1);
        check("tgas", "tags", 1);
        check("tegs", "tags", 1);
        check("monitor", "kind", 6);
    }

    #[test]
    fn only_a_close_word_is_suggested() {
        let known = ["quality_profile", "root_folder_path", "tags", "url"];
        assert_eq!(nearest("qualty_profile", known), Some("quality_profile"));
        assert_eq!(nearest("Tags", known), Some("tags"));
        assert_eq!(nearest("ulr", known), Some("url"));
        assert_eq!(nearest("language", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"url".repeat(100), known), None);
    }
}
