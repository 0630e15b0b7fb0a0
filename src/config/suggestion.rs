//! Finds the known name that an unknown name misspells: "did you mean …?"

/// Longer names are not compared.
const MAX_LENGTH: usize = 64;

/// The known name that `name` most likely misspells, with at most one edit for every three bytes.
#[inline(never)]
pub(super) fn nearest<'a>(name: &str, known: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.len().div_euclid(3).max(1);
    let mut best = None;
    for candidate in known {
        let distance = distance(name.as_bytes(), candidate.as_bytes());
        if distance <= best.map_or(limit, |(distance, _): (usize, _)| distance.saturating_sub(1)) {
            best = Some((distance, candidate));
        }
    }
    best.filter(|(distance, _)| *distance < name.len()).map(|(_, candidate)| candidate)
}

/// The number of edits that turn one name into the other. An edit inserts, deletes or replaces a byte, or swaps two adjacent
/// bytes.
fn distance(one: &[u8], other: &[u8]) -> usize {
    if one.len() > MAX_LENGTH || other.len() > MAX_LENGTH {
        return usize::MAX;
    }
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, byte) in one.iter().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        for (column, other_byte) in other.iter().enumerate() {
            let next = column.saturating_add(1);
            let replaced = at(&above, column).saturating_add(usize::from(byte != other_byte));
            let mut least =
                replaced.min(at(&above, next).saturating_add(1)).min(at(&current, column).saturating_add(1));
            if let (Some(last_row), Some(last_column)) = (row.checked_sub(1), column.checked_sub(1))
                && one.get(last_row) == Some(other_byte)
                && other.get(last_column) == Some(byte)
            {
                least = least.min(at(&before, last_column).saturating_add(1));
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    at(&above, other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_the_number_of_edits() {
        for (one, other, expected) in
            [("", "", 0), ("", "ab", 2), ("isuers", "issuers", 1), ("gratns", "grants", 1), ("mode", "role", 2)]
        {
            assert_eq!(distance(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }
        assert_eq!(distance(&[b'a'; 65], b"a"), usize::MAX);
    }

    #[test]
    fn misspelt_names_are_recognized_and_others_are_not() {
        let known = ["issuers", "roles", "role", "grants", "log", "task_queues"];
        let nearest = |name: &str| nearest(name, &mut known.into_iter());
        assert_eq!(nearest("isuers"), Some("issuers"));
        assert_eq!(nearest("grantz"), Some("grants"));
        assert_eq!(nearest("rolls"), Some("roles"));
        assert_eq!(nearest("taskqueue"), Some("task_queues"));
        for name in ["", "x", "proxy", "extra", "l", &"grants".repeat(20)] {
            assert_eq!(nearest(name), None, "{name}");
        }
    }
}
