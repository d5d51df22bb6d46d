//! A mistyped word into the word that was meant. Knows no vocabulary.

/// The candidate that a typing error most probably meant, if one is near enough.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near = candidates.into_iter().map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate));
    near.filter(|&(distance, candidate)| distance <= 1 + candidate.chars().count() / 5).min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_word_and_another_word_finds_nothing() {
        for (word, expected) in
            [("selct", Some("select")), ("IGNORE", Some("ignore")), ("ingore", Some("ignore")), ("pipeline", None), ("", None)]
        {
            assert_eq!(nearest(word, ["select", "ignore"]), expected, "{word}");
        }
    }
}
