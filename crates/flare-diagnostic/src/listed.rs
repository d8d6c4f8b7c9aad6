//! A list in a message that names only the first of many.

/// Some names of a list, as they are shown, and the number of the others: `count` is the length of the whole list.
pub fn listed(shown: &[String], count: usize) -> String {
    let names = shown.join(", ");
    match count.saturating_sub(shown.len()) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_counted() {
        let names: Vec<String> = ["`a`", "`b`", "`c`"].map(str::to_owned).into();
        assert_eq!(listed(&names, 3), "`a`, `b`, `c`");
        assert_eq!(listed(&names[..2], 3), "`a`, `b` and 1 more");
        assert_eq!(listed(&names[..1], 1), "`a`");
        assert_eq!(listed(&[], 0), "");
    }
}
