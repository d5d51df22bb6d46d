//! The rules that options and configuration select, checked against the rules that exist.

use undind::suggestion::nearest;

use crate::cli::failure::Failure;

/// A rule's name and id.
pub type RuleName = (&'static str, &'static str);

/// Whether `selector` (a name, an id, or the beginning of an id up to the digits) means the rule.
pub fn selects(selector: &str, (name, id): RuleName) -> bool {
    let word = selector.chars().all(|character| character.is_ascii_alphanumeric());
    selector.eq_ignore_ascii_case(name)
        || (!selector.is_empty() && word && id.to_ascii_lowercase().starts_with(&selector.to_ascii_lowercase()))
}

/// The names of the rules that any of `selectors` means.
pub fn names<'a>(selectors: impl IntoIterator<Item = &'a String>, rules: &[RuleName]) -> Vec<String> {
    let selectors: Vec<&String> = selectors.into_iter().collect();
    let meant = rules.iter().filter(|rule| selectors.iter().any(|selector| selects(selector, **rule)));
    meant.map(|(name, _)| (*name).to_owned()).collect()
}

/// Refuses a selector that means no rule.
///
/// # Errors
/// [`Failure`] that names the nearest rule.
pub fn check(selectors: &[String], source: &str, rules: &[RuleName]) -> Result<(), Failure> {
    let unknown = selectors.iter().find(|selector| !rules.iter().any(|rule| selects(selector, *rule)));
    let Some(unknown) = unknown else { return Ok(()) };
    let help = match nearest(unknown, rules.iter().flat_map(|(name, id)| [*name, *id])) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`undind explain` lists the rules".to_owned(),
    };
    Err(Failure::new(format!("{source}: there is no rule `{unknown}`")).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [RuleName; 2] = [("dind-port-tls-mismatch", "TLS101"), ("dind-service-latest", "DIND201")];

    #[test]
    fn names_ids_and_beginnings_of_ids_select() {
        for (selector, expected) in
            [("TLS101", 1), ("tls", 1), ("TLS1", 1), ("dind-service-latest", 1), ("D", 1), ("", 0), ("dind-", 0), ("101", 0)]
        {
            assert_eq!(RULES.iter().filter(|rule| selects(selector, **rule)).count(), expected, "{selector}");
        }
    }

    #[test]
    fn a_mistyped_rule_is_refused_with_the_one_that_was_meant() {
        let failure = check(&["TLS".into(), "dind-prot-tls-mismatch".into()], "--select", &RULES).unwrap_err();
        let text = failure.text(false);
        assert!(
            text.contains("--select: there is no rule `dind-prot-tls-mismatch`") && text.contains("did you mean `dind-port-tls-mismatch`?"),
            "{text}"
        );
    }
}
