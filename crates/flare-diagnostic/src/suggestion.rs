//! "Did you mean": the nearest known word.

/// The longest word, in characters, for which a known one is sought.
const LONGEST: usize = 64;

/// The known word that is nearest to `word`, if one is near enough to be meant.
///
/// Near enough is at most a third of the word's length in edits (a swap of two letters counts as one), or a
/// difference only in upper and lower case, `-` and `_`. A word of more than 64 characters has no near one.
pub fn closest<'known>(word: &str, known: impl IntoIterator<Item = &'known str>) -> Option<&'known str> {
    // Long input may be hostile: the cost of the distance is the product of both lengths.
    if word.chars().nth(LONGEST).is_some() {
        return None;
    }
    let folded = fold(word);
    let limit = (folded.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The hint for an unknown word: the nearest known one, otherwise all of them.
pub fn did_you_mean<'known>(word: &str, known: impl IntoIterator<Item = &'known str> + Clone) -> String {
    if let Some(candidate) = closest(word, known.clone()) {
        return format!("did you mean `{candidate}`?");
    }
    let all: Vec<_> = known.into_iter().map(|candidate| format!("`{candidate}`")).collect();
    format!("use one of {}", all.join(", "))
}

fn fold(word: &str) -> String {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_offered_and_far_ones_are_not() {
        let known = ["parent_port", "docker_image", "requests", "limits"];
        assert_eq!(closest("parentport", known), Some("parent_port"));
        assert_eq!(closest("request", known), Some("requests"));
        assert_eq!(closest("Docker-Image", known), Some("docker_image"));
        assert_eq!(closest("unrelated", known), None);
        assert_eq!(did_you_mean("x", ["a", "bbbb"]), "did you mean `a`?");
        assert_eq!(did_you_mean("zzzz", ["limits", "requests"]), "use one of `limits`, `requests`");
    }
}
